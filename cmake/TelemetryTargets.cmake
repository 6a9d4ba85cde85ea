# Compiler settings, third parties and the two functions every folder uses: telemetry_library, telemetry_test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_MINSIZEREL "-Os -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set_property(GLOBAL PROPERTY JOB_POOLS link=2)
set(CMAKE_JOB_POOL_LINK link)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

if(TELEMETRY_SANITIZE)
  add_compile_options(-fsanitize=${TELEMETRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TELEMETRY_SANITIZE})
  # Instrumented objects are large: the usual linker needs a third of the whole build for them.
  find_program(TELEMETRY_LLD ld.lld)
  if(TELEMETRY_LLD)
    add_link_options(-fuse-ld=lld)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # clang 14 cannot place what this check reads in front of a coroutine's parts; g++ does not have it.
    add_compile_options(-fno-sanitize=function)
  elseif(TELEMETRY_SANITIZE MATCHES "thread")
    # Asio's fences make g++ 12 say for every file that TSan does not model them.
    add_compile_options(-Wno-tsan)
  endif()
  if(NOT TELEMETRY_SANITIZE MATCHES "thread")
    # Asio's caches of coroutine frames and handlers hide every use after free from ASan.
    # Unoptimised code compiles in half the time and keeps every access for ASan to see.
    add_compile_options(-O0)
    add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
  endif()
endif()
# A section for each function costs instrumented code a quarter of its compile time, and nobody ships it.
if(NOT TELEMETRY_SANITIZE)
  add_compile_options(-ffunction-sections -fdata-sections)
  add_link_options(-Wl,--gc-sections)
endif()

# What the agent needs. An agent of its own (deploy/package) carries all of it but the libraries that a device's system
# keeps safe or has anyway, and needs nothing of the hub.
if(TELEMETRY_AGENT_ONLY)
  include(StaticThirdParties)
else()
  find_package(spdlog REQUIRED)
  find_package(tomlplusplus REQUIRED)
endif()
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(qrencode REQUIRED IMPORTED_TARGET libqrencode)
# What the hub needs beside that.
if(NOT TELEMETRY_AGENT_ONLY)
  find_package(SQLite3 REQUIRED)
  find_package(Boost 1.81 REQUIRED COMPONENTS json url)
  find_package(prometheus-cpp REQUIRED)
  pkg_check_modules(archive REQUIRED IMPORTED_TARGET libarchive)
  pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
endif()
if(TELEMETRY_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()

# What all our own targets share; third parties' headers are SYSTEM and keep their warnings.
add_library(telemetry_settings INTERFACE)
target_include_directories(telemetry_settings INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/proto)
target_compile_definitions(telemetry_settings INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_ALLOW_DEPRECATED_HEADERS
  TELEMETRY_VERSION="${PROJECT_VERSION}")
target_compile_options(telemetry_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Woverloaded-virtual -Wimplicit-fallthrough -Werror
  # g++ 12 reports overlapping copies inside std::string that cannot happen (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # … and takes the operator delete of Asio's inlined coroutine frames for a mismatch (GCC bug 104475 and its kin).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  # Where CMake joins sources (every preset but debug), a .cpp counts as a header for this warning.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>)

# telemetry_library(NAME [LINKS targets…]): every .cpp of the folder but main.cpp, one static library.
function(telemetry_library name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  file(GLOB headers CONFIGURE_DEPENDS *.h)
  if(sources)
    add_library(${name} STATIC ${sources} ${headers})
    target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE telemetry_settings)
    target_link_libraries(${name} INTERFACE telemetry_settings)
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_LINKS} telemetry_settings)
  endif()
endfunction()

# telemetry_test(NAME LABEL group SOURCES files… LINKS targets…): one GoogleTest program, one ctest entry.
function(telemetry_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  # What is tested is compiled as users get it; the tests themselves compile faster so.
  target_compile_options(${name} PRIVATE -O0)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} telemetry_settings rapidcheck rapidcheck_gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT 900)
endfunction()
