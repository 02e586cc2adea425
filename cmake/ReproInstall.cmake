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
  cmake_path(GET REPRO_TORCH_LIB_DIR PARENT_PATH torch_dir)
  cmake_path(GET torch_dir PARENT_PATH packages)
  # The CPU set has two of the wheel's NVIDIA libraries; LibTorch's own GPU half (500 MB) is of no use without the rest.
  set(unused PATTERN "libtorch_python*" EXCLUDE PATTERN "libshm*" EXCLUDE)
  if(EXISTS ${packages}/nvidia AND NOT EXISTS ${packages}/nvidia/cudnn)
    list(APPEND unused PATTERN "libtorch_cuda*" EXCLUDE PATTERN "libtorch_nvshmem*" EXCLUDE)
  endif()
  install(DIRECTORY ${REPRO_TORCH_LIB_DIR}/ DESTINATION lib/repro/torch/lib FILES_MATCHING PATTERN "*.so*" ${unused})
  if(EXISTS ${packages}/nvidia)
    install(DIRECTORY ${packages}/nvidia DESTINATION lib/repro FILES_MATCHING PATTERN "*.so*" PATTERN include EXCLUDE)
  endif()
endif()
