# Warnings and hardening, the same for every target of the project. Silent on gcc and on clang.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wundef
    -Wformat=2 -Wcast-qual -Wwrite-strings -Wswitch-enum -Wvla -Wnull-dereference
    -Wimplicit-fallthrough -Wstrict-prototypes -Wmissing-prototypes
    -fno-common -fno-omit-frame-pointer -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(OMEGA_WERROR)
    add_compile_options(-Werror)
endif()

# Asserts stay on except in Release. RelWithDebInfo is what `make test` builds: quick to compile,
# quick to run. The sanitizers bring their own checks of memory, so hardening is for plain builds.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
if(OMEGA_SANITIZE)
    add_compile_options(-fsanitize=${OMEGA_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${OMEGA_SANITIZE})
else()
    add_compile_options(-fstack-protector-strong -fstack-clash-protection
        $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE>
        $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2>)
    add_link_options(-Wl,-z,relro,-z,now)
endif()
if(OMEGA_COVERAGE)
    add_compile_options(-O0 --coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()
if(OMEGA_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
