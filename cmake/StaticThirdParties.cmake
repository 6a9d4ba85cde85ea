# Third parties inside the agent's program, where Debian has them so: a device then needs no package of theirs.
# OpenSSL stays the system's, which gets its security updates; so does what Debian has as a shared library only and is
# small (libqrencode).
# spdlog, fmt and toml++ are shared libraries in Debian too, but their headers hold all of them.

set(Protobuf_USE_STATIC_LIBS ON)
set(Boost_USE_STATIC_LIBS ON)
set(ZLIB_USE_STATIC_LIBS ON)
add_link_options(-static-libstdc++ -static-libgcc)

# As Debian builds its own; and the same bytes wherever the sources lie.
add_compile_options(-fstack-protector-strong -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
add_compile_definitions(_FORTIFY_SOURCE=2)
# With -Os g++ 12 takes what an empty std::optional<int> holds for a value that is used; the release build checks it.
add_compile_options(-Wno-maybe-uninitialized)
add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

add_library(telemetry_spdlog INTERFACE)
target_compile_definitions(telemetry_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
add_library(spdlog::spdlog ALIAS telemetry_spdlog)

add_library(telemetry_tomlplusplus INTERFACE)
target_compile_definitions(telemetry_tomlplusplus INTERFACE TOML_HEADER_ONLY=1)
add_library(tomlplusplus::tomlplusplus ALIAS telemetry_tomlplusplus)
