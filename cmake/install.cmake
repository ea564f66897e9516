# What `make install` puts where. libomega.a can be used alone: omega.pc (Libs.private) and the
# CMake package name what it stands on.
include(CMakePackageConfigHelpers)
set(OM_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/omega)
# By library, not by Requires.private: Debian's sqlite3.pc asks for a zlib that nothing here needs.
set(OM_PC_LIBS
    "-lsqlite3 -ljansson -linih -lxxhash -lstemmer -lutf8proc -lnettle -lm -pthread")

# Relative to itself, so that any --prefix and DESTDIR leave it right.
file(RELATIVE_PATH OM_PC_UP /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" OM_PC_UP ${OM_PC_UP})
configure_file(cmake/omega.pc.in omega.pc @ONLY)
configure_package_config_file(cmake/omega-config.cmake.in omega-config.cmake
    INSTALL_DESTINATION ${OM_CMAKE_DIR}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(omega-config-version.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS omega_shared omega_static
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/omega DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING
    PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/omega.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/omega-config.cmake ${CMAKE_BINARY_DIR}/omega-config-version.cmake
    DESTINATION ${OM_CMAKE_DIR})
# README.md and docs are also what `omega quickstart` reads when nothing else is at hand.
install(FILES LICENSE NOTICE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET omega)
    install(TARGETS omega RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES tools/completion/omega.bash RENAME omega
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES tools/completion/omega.zsh RENAME _omega
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    install(FILES tools/completion/omega.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
foreach(section 1 3 5)
    file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/man/*.${section})
    if(pages)
        install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endif()
endforeach()
