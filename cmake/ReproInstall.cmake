# `cmake --install build --prefix /somewhere`: a tree that runs from anywhere.
#   bin/            the programs
#   lib/repro/      LibTorch, in the folders of the wheel, because its libraries find each other by those
#   share/repro/    manifests, the paper's values, report templates
install(DIRECTORY manifests DESTINATION share/repro)
install(DIRECTORY results/reference DESTINATION share/repro)
install(DIRECTORY reports/ DESTINATION share/repro/reports PATTERN out EXCLUDE)

if(TARGET repro_cuda)
  set_target_properties(repro_cuda PROPERTIES INSTALL_RPATH "$ORIGIN/repro/torch/lib")
endif()
if(REPRO_WITH_TORCH)
  install(DIRECTORY ${REPRO_TORCH_LIB_DIR}/ DESTINATION lib/repro/torch/lib
    FILES_MATCHING PATTERN "*.so*"
    PATTERN "libtorch_python*" EXCLUDE PATTERN "libshm*" EXCLUDE)
  # The wheel's NVIDIA libraries: two for the CPU set, the whole lot where setup put it.
  cmake_path(GET REPRO_TORCH_LIB_DIR PARENT_PATH torch_dir)
  cmake_path(GET torch_dir PARENT_PATH packages)
  if(EXISTS ${packages}/nvidia)
    install(DIRECTORY ${packages}/nvidia DESTINATION lib/repro FILES_MATCHING PATTERN "*.so*")
  endif()
endif()
