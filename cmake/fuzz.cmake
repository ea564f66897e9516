# fuzz/fuzz_x.c: one target for each parser or round trip, with the entry LLVMFuzzerTestOneInput.
# Under OMEGA_FUZZ it is linked with libFuzzer; in an ordinary build with tests/corpus_main.c, which
# feeds it the files of fuzz/corpus/fuzz_x, so that what was once found stays found.
file(GLOB om_fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.c)
get_property(om_folders GLOBAL PROPERTY OM_LIBRARY_FOLDERS)

if(OMEGA_FUZZ)
    add_custom_target(fuzzers)
    foreach(source ${om_fuzz_sources})
        get_filename_component(name ${source} NAME_WE)
        om_executable(${name} ${source} FOLDERS ${om_folders})
        target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY fuzz)
        add_dependencies(fuzzers ${name})
    endforeach()
else()
    add_custom_target(tests_corpus)
    foreach(source ${om_fuzz_sources})
        get_filename_component(name ${source} NAME_WE)
        om_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/corpus_main.c
            FOLDERS ${om_folders})
        target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
        add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
        set_tests_properties(${name} PROPERTIES LABELS corpus TIMEOUT 300)
        add_dependencies(tests_corpus ${name})
    endforeach()
endif()
