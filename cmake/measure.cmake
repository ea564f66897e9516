# Every source of bench/ that has a main is a measuring program; the others go along with each.
# tests/campaign/x.c, with its x_*.c, is a campaign. These are run by hand or by the Makefile, never
# by ctest.
get_property(om_folders GLOBAL PROPERTY OM_LIBRARY_FOLDERS)

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.c)
set(programs "")
set(shared "")
foreach(source ${sources})
    file(STRINGS ${source} mains REGEX "^int main\\(")
    if(mains)
        list(APPEND programs ${source})
    else()
        list(APPEND shared ${source})
    endif()
endforeach()
add_custom_target(benches)
foreach(source ${programs})
    get_filename_component(name ${source} NAME_WE)
    om_executable(${name} EXCLUDE_FROM_ALL ${source} ${shared} FOLDERS ${om_folders})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/bench
        ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(${name} PRIVATE OM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY bench)
    add_dependencies(benches ${name})
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/campaign/*.c)
add_custom_target(campaigns)
foreach(source ${sources})
    file(STRINGS ${source} mains REGEX "^int main\\(")
    if(NOT mains)
        continue()
    endif()
    get_filename_component(name ${source} NAME_WE)
    file(GLOB parts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/campaign/${name}_*.c)
    om_executable(${name}_campaign EXCLUDE_FROM_ALL ${source} ${parts}
        ${CMAKE_SOURCE_DIR}/tests/support/kill_point.c
        ${CMAKE_SOURCE_DIR}/tests/support/vfs.c FOLDERS ${om_folders})
    target_include_directories(${name}_campaign PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(${name}_campaign PRIVATE OM_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
        OM_BUILD_DIR="${CMAKE_BINARY_DIR}")
    add_dependencies(campaigns ${name}_campaign)
    if(TARGET omega)
        add_dependencies(${name}_campaign omega)
    endif()
endforeach()
