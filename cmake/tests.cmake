# Everything that ctest runs. Labels: the folder of a unit test; whole, corpus, example, house.
enable_testing()

# A test can fail the nth allocation (tests/support): malloc's family is wrapped at link time, and
# the wrappers call the real ones, also those of a sanitizer.
set(OM_WRAP -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup)

file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
add_library(om_test_support OBJECT ${support} ${CMAKE_SOURCE_DIR}/cmake/empty.c)
target_compile_definitions(om_test_support PRIVATE _GNU_SOURCE)
target_include_directories(om_test_support PUBLIC ${CMAKE_SOURCE_DIR}/src
    ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(om_test_support PUBLIC PkgConfig::CMOCKA PkgConfig::SQLITE)

function(om_test source label)
    get_filename_component(name ${source} NAME_WE)
    om_executable(${name} ${source} FOLDERS ${ARGN})
    target_compile_definitions(${name} PRIVATE OM_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
        OM_BUILD_DIR="${CMAKE_BINARY_DIR}")
    target_link_libraries(${name} PRIVATE om_test_support)
    target_link_options(${name} PRIVATE ${OM_WRAP})
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300)
    add_dependencies(tests_${label} ${name})
endfunction()

# One program for each x_test.c. A folder's tests see it and the folders below; tests/ sees all.
get_property(om_folders GLOBAL PROPERTY OM_FOLDERS)
foreach(folder ${om_folders})
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*_test.c)
    get_property(below GLOBAL PROPERTY OM_BELOW_${folder})
    add_custom_target(tests_${folder})
    foreach(source ${tests})
        om_test(${source} ${folder} ${below})
    endforeach()
endforeach()
file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*_test.c)
add_custom_target(tests_whole)
get_property(om_folders GLOBAL PROPERTY OM_LIBRARY_FOLDERS)
foreach(source ${tests})
    om_test(${source} whole ${om_folders})
endforeach()
if(TARGET omega AND TARGET tests_cli)
    add_dependencies(tests_cli omega)
    add_dependencies(tests_whole omega)
endif()

if(CMAKE_CROSSCOMPILING)
    # The rows of the foreign CPU once more, without a test framework between.
    om_executable(simd_rows ${CMAKE_SOURCE_DIR}/tests/arm/simd_main.c FOLDERS core simd)
    add_test(NAME simd_rows COMMAND simd_rows)
    set_tests_properties(simd_rows PROPERTIES LABELS simd TIMEOUT 300)
    return()
endif()

# examples/*.c with a main, built against the shared library as a user has it, and run.
file(GLOB examples CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
add_custom_target(examples)
foreach(source ${examples})
    get_filename_component(name ${source} NAME_WE)
    add_executable(example_${name} ${source})
    set_target_properties(example_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY examples
        OUTPUT_NAME ${name})
    target_link_libraries(example_${name} PRIVATE omega_shared)
    add_test(NAME example_${name}
        COMMAND ${CMAKE_SOURCE_DIR}/tests/example_run.sh $<TARGET_FILE:example_${name}> ${source})
    set_tests_properties(example_${name} PROPERTIES LABELS example TIMEOUT 120)
    add_dependencies(examples example_${name})
endforeach()

# The installed package, used by strangers; a sanitizer's runtime would have to come along.
if(NOT OMEGA_SANITIZE AND NOT OMEGA_COVERAGE)
    add_test(NAME package COMMAND ${CMAKE_SOURCE_DIR}/tests/package_test.sh ${CMAKE_BINARY_DIR}
        ${CMAKE_C_COMPILER} ${OMEGA_CXX})
    set_tests_properties(package PROPERTIES LABELS package TIMEOUT 300)
endif()

# Shell completion: with a stand-in whose answers are known, then with the program.
add_test(NAME completion COMMAND ${CMAKE_SOURCE_DIR}/tests/completion_test.sh)
set_tests_properties(completion PROPERTIES LABELS package TIMEOUT 60)
if(TARGET omega)
    add_test(NAME completion_program
        COMMAND ${CMAKE_SOURCE_DIR}/tests/completion_test.sh $<TARGET_FILE:omega>)
    set_tests_properties(completion_program PROPERTIES LABELS package TIMEOUT 60)
    # The program as its users meet it, its tour, and what the manual says of it.
    add_test(NAME cli COMMAND ${CMAKE_SOURCE_DIR}/tests/cli_test.sh $<TARGET_FILE:omega>)
    add_test(NAME quickstart COMMAND ${CMAKE_SOURCE_DIR}/tests/quickstart_test.sh
        $<TARGET_FILE:omega> ${CMAKE_SOURCE_DIR}/docs)
    add_test(NAME manual COMMAND ${CMAKE_SOURCE_DIR}/tests/manual_test.sh $<TARGET_FILE:omega>
        $<TARGET_FILE:omega_shared>)
    set_tests_properties(cli quickstart manual PROPERTIES LABELS cli TIMEOUT 300)
endif()

# The rules of the house, each a test of its own; the self-test breaks each rule once.
add_custom_target(tests_house)
function(om_house_test name)
    add_test(NAME house_${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(house_${name} PROPERTIES LABELS house TIMEOUT 300)
endfunction()
set(house ${PYTHON3} ${CMAKE_SOURCE_DIR}/tools/house.py)
foreach(rule layers sizes banned names docs)
    om_house_test(${rule} ${house} ${rule})
endforeach()
om_house_test(symbols ${house} symbols ${CMAKE_BINARY_DIR})
om_house_test(exports ${house} exports $<TARGET_FILE:omega_shared>)
om_house_test(headers ${house} headers ${CMAKE_C_COMPILER} ${OMEGA_CXX})
om_house_test(selftest ${PYTHON3} ${CMAKE_SOURCE_DIR}/tests/house_selftest.py ${CMAKE_C_COMPILER})
