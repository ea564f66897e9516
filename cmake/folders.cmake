# The rooms of the house. A new source file needs no edit here.
#
# om_folder(NAME libs...): src/NAME/*.c as one object library om_NAME; its x_test.c stand beside
# x.c and become programs in cmake/tests.cmake. main.c belongs to the program alone.
set_property(GLOBAL PROPERTY OM_FOLDERS "")

function(om_folder name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
    list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.c$")
    if(NOT sources)
        return()
    endif()
    add_library(om_${name} OBJECT ${sources})
    target_compile_definitions(om_${name} PRIVATE _GNU_SOURCE)
    target_include_directories(om_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src
        ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(om_${name} PUBLIC ${ARGN})
    set_property(GLOBAL APPEND PROPERTY OM_FOLDERS ${name})
    # A folder's tests link it and everything below it.
    get_property(below GLOBAL PROPERTY OM_FOLDERS)
    set_property(GLOBAL PROPERTY OM_BELOW_${name} ${below})
endfunction()

function(om_link_folders target)
    foreach(folder ${ARGN})
        target_link_libraries(${target} PRIVATE om_${folder})
    endforeach()
endfunction()

# om_executable(NAME sources... FOLDERS folders...): a program inside the house, which sees its
# internals: tests, benches, fuzz targets, campaigns.
function(om_executable name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "EXCLUDE_FROM_ALL" "" "FOLDERS")
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ${arg_EXCLUDE_FROM_ALL})
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
    om_link_folders(${name} ${arg_FOLDERS})
endfunction()
