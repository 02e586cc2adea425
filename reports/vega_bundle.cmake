# Makes one script of the Vega modules that the charts use. Debian's libjs-vega ships UMD files that concatenate to
# nothing; each is wrapped as a CommonJS module of its own, and `require` finds it by name. Run with -P:
#   cmake -D VEGA_DIR=/usr/share/javascript/vega -D OUTPUT=vega.js -P vega_bundle.cmake
set(modules util time format loader dataflow event-selector expression statistics scale canvas scenegraph selection
    functions runtime parser encode transforms view-transforms view)

set(bundle "/*! Vega 5, https://vega.github.io/vega/, BSD-3-Clause, (c) University of Washington Interactive Data Lab and contributors; \
includes parts of D3, ISC, (c) Mike Bostock. */\n\
(function () {\n\
var modules = {}, loaded = {};\n\
function require(name) {\n\
  if (!loaded[name]) { var module = {exports: {}}; loaded[name] = module; modules[name](module.exports, module); }\n\
  return loaded[name].exports;\n\
}\n")
foreach(module IN LISTS modules)
  set(file ${VEGA_DIR}/vega-${module}.min.js)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "no ${file}: install libjs-vega (scripts/setup does)")
  endif()
  file(READ ${file} source)
  string(REGEX REPLACE "\n//# sourceMappingURL=[^\n]*" "" source "${source}")
  set(name vega-${module})
  if(module STREQUAL "selection")
    set(name vega-selections)  # the package's name differs from its file's
  endif()
  string(APPEND bundle "modules['${name}'] = function (exports, module) {\n${source}\n};\n")
endforeach()
string(APPEND bundle "var parts = ['view', 'view-transforms', 'transforms', 'encode'].map(function (m) { return require('vega-' + m); });\n\
var dataflow = require('vega-dataflow');\n\
parts.slice(1).forEach(function (part) { Object.assign(dataflow.transforms, part); });\n\
window.vega = {View: parts[0].View, parse: require('vega-parser').parse};\n\
})();\n")
file(WRITE ${OUTPUT} "${bundle}")
