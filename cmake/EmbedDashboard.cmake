# Run by the build: cmake -DDIST=folder -DWITH=ON|OFF -DOUT=folder -P EmbedDashboard.cmake
# Writes dashboard_files.S (the bytes) and dashboard_table.cpp (hub/web/embedded.h).

cmake_minimum_required(VERSION 3.25)
set(files)
if(WITH)
  file(GLOB_RECURSE files RELATIVE ${DIST} ${DIST}/*)
  list(SORT files)
  if(NOT "index.html" IN_LIST files)
    message(FATAL_ERROR "the dashboard's build left no index.html in ${DIST}")
  endif()
endif()

set(assembly "/* Made by cmake/EmbedDashboard.cmake. */\n")
set(declarations "")
set(rows "")
set(number 0)

# Appends one file's bytes; `view` becomes the C++ expression of them.
macro(embed path)
  math(EXPR number "${number} + 1")
  set(symbol telemetry_dashboard_${number})
  string(APPEND assembly
    ".section .rodata.${symbol},\"a\",%progbits\n.global ${symbol}\n.global ${symbol}_end\n.balign 16\n"
    "${symbol}:\n.incbin \"${path}\"\n${symbol}_end:\n.byte 0\n")
  string(APPEND declarations "extern const char ${symbol}[], ${symbol}_end[];\n")
  set(view "{${symbol}, static_cast<std::size_t>(${symbol}_end - ${symbol})}")
endmacro()

foreach(file ${files})
  if(file MATCHES "\\.(gz|br)$")
    continue()
  endif()
  embed(${DIST}/${file})
  set(raw "${view}")
  set(gzip "{}")
  set(brotli "{}")
  if("${file}.gz" IN_LIST files)
    embed(${DIST}/${file}.gz)
    set(gzip "${view}")
  endif()
  if("${file}.br" IN_LIST files)
    embed(${DIST}/${file}.br)
    set(brotli "${view}")
  endif()
  file(SHA256 ${DIST}/${file} hash)
  string(SUBSTRING ${hash} 0 20 tag)
  string(APPEND rows "    {\"${file}\", ${raw}, ${gzip}, ${brotli}, \"${tag}\"},\n")
endforeach()

string(APPEND assembly ".section .note.GNU-stack,\"\",%progbits\n")
if(rows)
  set(answer "  static constexpr std::size_t kCount = sizeof(kFiles) / sizeof(kFiles[0]);\n  return {kFiles, kCount};")
  set(table "const EmbeddedFile kFiles[] = {\n${rows}};\n")
else()
  set(answer "  return {};")
  set(table "")
endif()
file(WRITE ${OUT}/dashboard_files.S "${assembly}")
file(WRITE ${OUT}/dashboard_table.cpp "// Made by cmake/EmbedDashboard.cmake.
#include \"hub/web/embedded.h\"

extern \"C\" {
extern const char telemetry_openapi[], telemetry_openapi_end[];
extern const char telemetry_install_script[], telemetry_install_script_end[];
${declarations}}

namespace hub::web {
namespace {
${table}}  // namespace

std::span<const EmbeddedFile> embedded_dashboard() {
${answer}
}

std::string_view openapi_document() {
  return {telemetry_openapi, static_cast<std::size_t>(telemetry_openapi_end - telemetry_openapi)};
}

std::string_view install_script_template() {
  return {telemetry_install_script, static_cast<std::size_t>(telemetry_install_script_end - telemetry_install_script)};
}

}  // namespace hub::web
")
