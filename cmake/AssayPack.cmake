# Kernel packs: shared objects that the harness opens. The same .cu files become a CUDA pack and a host pack.
# They go to the build's folder packs/, which every run looks into; FOLDER names another one.
set(ASSAY_PACK_DIR "${CMAKE_BINARY_DIR}/packs")

# assay_add_host_pack(NAME [FOLDER folder] FILE...): compiles the files with the C++ compiler against harness/simt's
# stand-in headers.
function(assay_add_host_pack name)
  cmake_parse_arguments(ARG "" "FOLDER" "" ${ARGN})
  if(NOT ARG_FOLDER)
    set(ARG_FOLDER packs)
  endif()
  set(wrappers)
  foreach(file IN LISTS ARG_UNPARSED_ARGUMENTS)
    get_filename_component(path "${file}" ABSOLUTE)
    get_filename_component(stem "${file}" NAME)
    # A .cu file belongs to the CUDA compiler by its ending; a wrapper hands it to the C++ one as it is.
    set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/${name}/${stem}.cpp")
    file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"${path}\"\n")
    list(APPEND wrappers "${wrapper}")
  endforeach()
  add_library(${name} MODULE ${wrappers})
  target_include_directories(${name} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/harness/simt/include")
  target_compile_options(${name} PRIVATE -ffp-contract=off -O2)
  target_compile_definitions(${name} PRIVATE ASSAY_PACK_BACKEND=ASSAY_BACKEND_HOST)
  target_link_libraries(${name} PRIVATE assay_options assay_simt)
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/${ARG_FOLDER}"
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  set_property(GLOBAL APPEND PROPERTY ASSAY_PACKS ${name})
endfunction()

# assay_add_cuda_pack(NAME [FOLDER folder] FILE...): compiles the files with nvcc.
function(assay_add_cuda_pack name)
  cmake_parse_arguments(ARG "" "FOLDER" "" ${ARGN})
  if(NOT ARG_FOLDER)
    set(ARG_FOLDER packs)
  endif()
  add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
  target_compile_definitions(${name} PRIVATE ASSAY_PACK_BACKEND=ASSAY_BACKEND_CUDA)
  target_link_libraries(${name} PRIVATE assay_options CUDA::cudart_static)
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/${ARG_FOLDER}"
                        CUDA_RUNTIME_LIBRARY Static CUDA_VISIBILITY_PRESET hidden
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  set_property(GLOBAL APPEND PROPERTY ASSAY_PACKS ${name})
endfunction()
