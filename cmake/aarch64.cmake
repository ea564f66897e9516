# Cross-compiling for aarch64 on Debian: the libraries come from tools/arm_sysroot, programs run
# under qemu-user, and ctest does so by itself.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
get_filename_component(OM_ARM_ROOT "${CMAKE_CURRENT_LIST_DIR}/../build/arm-sysroot" ABSOLUTE)
set(OM_ARM_LIBRARIES ${OM_ARM_ROOT}/usr/lib/aarch64-linux-gnu)

set(CMAKE_C_FLAGS_INIT "-isystem ${OM_ARM_ROOT}/usr/include -isystem ${OM_ARM_ROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${OM_ARM_LIBRARIES}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-L${OM_ARM_LIBRARIES}")
# Static libraries do not name what they stand on: Debian 13's SQLite calls sin and its kin.
set(CMAKE_C_STANDARD_LIBRARIES "-lm" CACHE STRING "")
set(CMAKE_LIBRARY_PATH ${OM_ARM_LIBRARIES})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${OM_ARM_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${OM_ARM_LIBRARIES}/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu
    -E LD_LIBRARY_PATH=${OM_ARM_LIBRARIES}:/usr/aarch64-linux-gnu/lib)
