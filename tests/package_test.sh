#!/bin/sh
# package_test.sh BUILD CC CXX -- install the package and use it as a stranger would.
#
# Installs BUILD into a directory of its own, then builds the consumer and every example against it
# as C99, C11 and C++17, by pkg-config and by CMake's find_package, with the shared library and with
# the archive alone. What was built is run where it ends by itself.
set -eu
build=$1
cc=$2
cxx=$3
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

case_ends() {
    if [ "$2" -eq 0 ]; then
        echo "[       OK ] $1"
    else
        echo "[  FAILED  ] $1"
        failed=1
    fi
}

# run NAME COMMAND...: one case; what it says is shown when it fails.
run() {
    case=$1
    shift
    status=0
    "$@" >"$work/log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || cat "$work/log"
    case_ends "$case" "$status"
}

DESTDIR=$work/root cmake --install "$build" --prefix /opt/omega >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
base=$work/root/opt/omega
lib=$(dirname "$(find "$base" -name libomega.a)")
run layout test -f "$lib/libomega.so" -a -f "$lib/pkgconfig/omega.pc" -a \
    -f "$lib/cmake/omega/omega-config.cmake" -a -f "$base/include/omega/base.h" -a \
    -f "$base/share/doc/omega/LICENSE"
if [ -x "$base/bin/omega" ]; then
    # The installed program needs no library of ours: it carries the objects.
    run program env -i PATH=/usr/bin:/bin "$base/bin/omega" version
fi

# The archive alone: where it stands there is no libomega.so to fall back to.
mkdir -p "$work/alone"
cp -a "$base/." "$work/alone/"
find "$work/alone" -name 'libomega.so*' -delete

strict="-Wall -Wextra -Wpedantic -Werror"
sources="$root/tests/package_consumer.c"
for example in "$root"/examples/*.c; do
    [ ! -f "$example" ] || sources="$sources $example"
done

# by_pkg_config KIND PREFIX FLAGS SOURCE STD
by_pkg_config() {
    flags=$(PKG_CONFIG_PATH=$2/${lib#"$base"/}/pkgconfig pkg-config --cflags --libs $3 omega)
    name=$(basename "$4" .c)
    out=$work/$1-$name
    case $5 in
    c++*) compiler="$cxx -x c++" ;;
    *) compiler="$cc" ;;
    esac
    # shellcheck disable=SC2086 # lists of words
    run "pkg-config $1 $5 $name" $compiler -std="$5" $strict "$4" -x none -o "$out" $flags
    if [ "$name" = package_consumer ] && [ -x "$out" ]; then
        run "runs $1 $5 $name" env LD_LIBRARY_PATH="$lib" "$out"
    fi
    rm -f "$out"
}

for source in $sources; do
    for std in c99 c11 c++17; do
        by_pkg_config shared "$base" "" "$source" "$std"
        by_pkg_config static "$work/alone" --static "$source" "$std"
    done
done

mkdir "$work/consumer"
cat >"$work/consumer/CMakeLists.txt" <<'PROJECT'
cmake_minimum_required(VERSION 3.16)
project(consumer C CXX)
find_package(omega 0.1 REQUIRED)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_EXTENSIONS OFF)
foreach(source ${SOURCES})
    get_filename_component(name ${source} NAME_WE)
    configure_file(${source} ${name}.cpp COPYONLY)
    foreach(kind omega static)
        add_executable(${name}_99_${kind} ${source})
        set_target_properties(${name}_99_${kind} PROPERTIES C_STANDARD 99)
        add_executable(${name}_11_${kind} ${source})
        set_target_properties(${name}_11_${kind} PROPERTIES C_STANDARD 11)
        add_executable(${name}_cxx_${kind} ${CMAKE_BINARY_DIR}/${name}.cpp)
        set_target_properties(${name}_cxx_${kind} PROPERTIES CXX_STANDARD 17)
        foreach(dialect 99 11 cxx)
            set(target ${name}_${dialect}_${kind})
            target_include_directories(${target} PRIVATE ${EXAMPLES})
            target_link_libraries(${target} PRIVATE omega::${kind})
        endforeach()
    endforeach()
endforeach()
PROJECT
list=$(echo "$sources" | tr ' ' ';')
run "cmake configures" cmake -S "$work/consumer" -B "$work/consumer/build" -G Ninja \
    -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$base" \
    -DSOURCES="$list" -DEXAMPLES="$root/examples"
run "cmake builds" cmake --build "$work/consumer/build" -j 2
for dialect in 99 11 cxx; do
    for kind in omega static; do
        run "cmake $kind $dialect runs" "$work/consumer/build/package_consumer_${dialect}_$kind"
    done
done
exit $failed
