# Files inside the program, by the assembler's .incbin.

set(TELEMETRY_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/EmbedDashboard.cmake)

# telemetry_embed_file(TARGET FILE SYMBOL): `extern "C" const char SYMBOL[], SYMBOL_end[]` hold the file's bytes.
function(telemetry_embed_file target file symbol)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.S)
  file(CONFIGURE OUTPUT ${source} CONTENT [[
.section .rodata.@symbol@,"a",%progbits
.global @symbol@
.global @symbol@_end
.balign 16
@symbol@:
.incbin "@file@"
@symbol@_end:
.byte 0
.section .note.GNU-stack,"",%progbits
]] @ONLY)
  target_sources(${target} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
endfunction()

# telemetry_embed_dashboard(TARGET): builds the dashboard (TELEMETRY_DASHBOARD=ON) and embeds each of its files in every
# form there is (file, file.gz, file.br), with a table of them (hub/web/embedded.h). Without: an empty table.
function(telemetry_embed_dashboard target)
  set(dashboard ${CMAKE_SOURCE_DIR}/dashboard)
  set(built ${CMAKE_BINARY_DIR}/dashboard)
  set(out ${CMAKE_CURRENT_BINARY_DIR})
  set(inputs)
  if(TELEMETRY_DASHBOARD)
    if(NOT EXISTS ${dashboard}/package.json)
      message(FATAL_ERROR "dashboard/ is not there; -DTELEMETRY_DASHBOARD=OFF builds a hub without it")
    endif()
    find_program(NPM npm)
    if(NOT NPM)
      message(FATAL_ERROR "npm is needed to build the dashboard; install it (deploy/packages build), or build a hub "
                          "without it: -DTELEMETRY_DASHBOARD=OFF")
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dashboard}/src/*)
    # What the build generates itself must not make it stale.
    list(FILTER sources EXCLUDE REGEX "/src/gen/")
    file(GLOB own CONFIGURE_DEPENDS ${dashboard}/*.mjs ${dashboard}/*.json ${CMAKE_SOURCE_DIR}/proto/telemetry/v1/*.proto)
    # npm ci only when the lock file changed; the packages are shared by all build folders.
    set(packages ${dashboard}/node_modules/.package-lock.json)
    add_custom_command(OUTPUT ${packages}
      COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error
      COMMAND ${CMAKE_COMMAND} -E touch ${packages}
      DEPENDS ${dashboard}/package-lock.json
      WORKING_DIRECTORY ${dashboard}
      COMMENT "Installing the dashboard's packages" VERBATIM)
    add_custom_command(OUTPUT ${built}/stamp
      COMMAND ${CMAKE_COMMAND} -E rm -rf ${built}/dist
      COMMAND ${NPM} run --silent build -- --out ${built}/dist
      COMMAND ${CMAKE_COMMAND} -E touch ${built}/stamp
      DEPENDS ${sources} ${own} ${packages}
      WORKING_DIRECTORY ${dashboard}
      COMMENT "Building the dashboard" VERBATIM)
    set(inputs ${built}/stamp)
  endif()
  add_custom_target(dashboard_assets DEPENDS ${inputs})
  add_custom_command(OUTPUT ${out}/dashboard_files.S ${out}/dashboard_table.cpp
    COMMAND ${CMAKE_COMMAND} -DDIST=${built}/dist -DWITH=${TELEMETRY_DASHBOARD} -DOUT=${out} -P ${TELEMETRY_EMBED_SCRIPT}
    DEPENDS ${inputs} ${TELEMETRY_EMBED_SCRIPT}
    COMMENT "Embedding the dashboard" VERBATIM)
  target_sources(${target} PRIVATE ${out}/dashboard_files.S ${out}/dashboard_table.cpp)
endfunction()
