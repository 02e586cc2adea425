#include "experiments/train/training_group.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define USE_C10D_GLOO  // NOLINT(readability-identifier-naming): what the headers below ask for
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "experiments/cuda/nccl_group.h"

namespace repro {
namespace {

/// How long a process waits for the slowest: for a checkpoint of Large on a slow disk. One that
/// died is noticed at once, since its connections close.
constexpr auto kPatience = std::chrono::minutes(30);
constexpr auto kMeetingPatience = std::chrono::minutes(1);
/// Gradients travel in pieces of about this size: the first is under way while the rest is
/// computed.
constexpr std::int64_t kBucketBytes = 25 << 20;
constexpr const char* kLoopback = "127.0.0.1";

c10::intrusive_ptr<c10d::Backend> MakeGloo(const c10::intrusive_ptr<c10d::Store>& store,
                                           std::int64_t rank, std::int64_t size) {
  auto options = c10d::ProcessGroupGloo::Options::create(kPatience);
  options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(kLoopback));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(
      c10::make_intrusive<c10d::PrefixStore>("gloo", store), static_cast<int>(rank),
      static_cast<int>(size), options);
}

struct Listening {
  int fd = -1;
  std::uint16_t port = 0;
};

// The port of a socket bound to the loopback; 0 where `fd` is none.
std::uint16_t LoopbackPort(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  const bool loopback =
      address.sin_family == AF_INET && address.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
  return loopback ? ntohs(address.sin_port) : std::uint16_t{0};
}

// On a free port of this machine alone: c10d's own socket listens on every interface, and asks
// nobody who he is.
Result<Listening> ListenOnLoopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (fd < 0 || ::bind(fd, generic, sizeof address) != 0 || ::listen(fd, SOMAXCONN) != 0 ||
      LoopbackPort(fd) == 0) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return Fail(ErrorCode::kIo, "{}: cannot listen: {}", kLoopback,
                std::generic_category().message(error));
  }
  return Listening{fd, LoopbackPort(fd)};
}

// Rounds a bucket to bfloat16, sums it over the processes, and gives the average back.
class Bfloat16Hook : public c10d::CommHookInterface {
 public:
  explicit Bfloat16Hook(c10::intrusive_ptr<c10d::ProcessGroup> group) : group_(std::move(group)) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    const auto size = static_cast<double>(group_->getSize());
    std::vector<at::Tensor> rounded = {bucket.getBuffer().to(at::kBFloat16).div_(size)};
    return group_->allreduce(rounded)->getFuture()->then(
        [full = bucket.getBuffer()](c10::ivalue::Future& done) -> c10::IValue {
          const at::NoGradGuard no_grad;
          full.copy_(done.value().toTensorVector().front());
          return c10::List<at::Tensor>({full});
        },
        c10::ListType::create(c10::TensorType::get()));
  }
  at::Tensor parseHookResult(const c10::IValue& result) override {
    return c10d::detail::parseCppCommHookResult(result);
  }

 private:
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
};

}  // namespace

struct TrainingGroup::Impl {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> control;    // Gloo: counts, flags, weights
  c10::intrusive_ptr<c10d::ProcessGroup> gradients;  // the same, or NCCL
};

Status TrainingGroup::Guarded(const char* what, const std::function<void()>& work) const {
  try {
    work();
    return {};
  } catch (const c10::Error& error) {
    return Fail(ErrorCode::kFailed, "rank {} of {}: {}: {}", rank_, size_, what,
                error.what_without_backtrace());
  } catch (const std::exception& error) {  // gloo::IoException when another process is gone
    return Fail(ErrorCode::kFailed, "rank {} of {}: {}: {}", rank_, size_, what, error.what());
  }
}

Result<TrainingGroup> TrainingGroup::Open(std::int64_t size) {
  REPRO_ASSIGN_OR_RETURN(const Listening listening, ListenOnLoopback());
  TrainingGroup group;
  group.size_ = size;
  group.port_ = listening.port;
  group.impl_ = std::make_shared<Impl>();
  const Status opened = group.Guarded("cannot open the meeting point", [&] {
    c10d::TCPStoreOptions options;
    options.port = listening.port;
    options.masterListenFd = listening.fd;
    options.isServer = true;
    options.numWorkers = static_cast<std::size_t>(size);
    options.waitWorkers = false;
    options.timeout = kMeetingPatience;
    group.impl_->store = c10::make_intrusive<c10d::TCPStore>(kLoopback, options);
  });
  if (!opened) {
    // Still ours where the store failed before it took it.
    if (LoopbackPort(listening.fd) == listening.port) ::close(listening.fd);
    return tl::unexpected(opened.error());
  }
  return group;
}

Result<TrainingGroup> TrainingGroup::Connect(std::uint16_t port, std::int64_t rank,
                                             std::int64_t size) {
  TrainingGroup group;
  group.rank_ = rank;
  group.size_ = size;
  group.port_ = port;
  group.impl_ = std::make_shared<Impl>();
  REPRO_RETURN_IF_ERROR(group.Guarded("cannot reach the meeting point", [&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.numWorkers = static_cast<std::size_t>(size);
    options.waitWorkers = false;
    options.timeout = kMeetingPatience;
    group.impl_->store = c10::make_intrusive<c10d::TCPStore>(kLoopback, options);
  }));
  return group;
}

Status TrainingGroup::Meet() {
  if (size_ == 1) return {};
  return Guarded("the processes did not find each other", [&] {
    const auto gloo = MakeGloo(impl_->store, rank_, size_);
    impl_->control = c10::make_intrusive<c10d::ProcessGroup>(impl_->store, static_cast<int>(rank_),
                                                             static_cast<int>(size_));
    impl_->control->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
    impl_->control->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    impl_->gradients = impl_->control;
  });
}

Status TrainingGroup::UseNccl(const CudaPlugin& plugin, int device) {
  if (size_ == 1) return {};
  REPRO_ASSIGN_OR_RETURN(
      const c10::intrusive_ptr<c10d::Backend> nccl,
      OpenNcclGroup(plugin, impl_->store, device, static_cast<int>(rank_), static_cast<int>(size_),
                    std::chrono::milliseconds(kPatience).count()));
  return Guarded("NCCL", [&] {
    impl_->gradients = c10::make_intrusive<c10d::ProcessGroup>(
        impl_->store, static_cast<int>(rank_), static_cast<int>(size_));
    impl_->gradients->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL,
                                 nccl);
    impl_->gradients->setDefaultBackend(c10d::ProcessGroup::BackendType::NCCL);
  });
}

Status TrainingGroup::Sum(std::vector<double>& values) const {
  if (size_ == 1 || values.empty()) return {};
  return Guarded("another process is gone", [&] {
    std::vector<at::Tensor> tensors = {at::from_blob(
        values.data(), {static_cast<std::int64_t>(values.size())}, at::TensorOptions(at::kDouble))};
    impl_->control->allreduce(tensors)->wait();
  });
}

Status TrainingGroup::Broadcast(const std::vector<at::Tensor>& tensors) const {
  if (size_ == 1) return {};
  return Guarded("another process is gone", [&] {
    const at::NoGradGuard no_grad;
    for (const at::Tensor& tensor : tensors) {
      std::vector<at::Tensor> on_cpu = {tensor.detach().cpu().contiguous()};
      impl_->control->broadcast(on_cpu)->wait();
      if (!Leads() && !on_cpu.front().is_alias_of(tensor)) tensor.detach().copy_(on_cpu.front());
    }
  });
}

struct GradientExchange::Impl {
  std::unique_ptr<c10d::Reducer> reducer;
};

GradientExchange::GradientExchange(const TrainingGroup& group,
                                   const std::vector<NamedTensor>& parameters, bool bfloat16)
    : impl_(std::make_unique<Impl>()) {
  // The last layers' gradients come first.
  std::vector<at::Tensor> tensors;
  tensors.reserve(parameters.size());
  for (const NamedTensor& parameter : parameters) tensors.push_back(parameter.tensor);
  std::reverse(tensors.begin(), tensors.end());
  const std::vector<bool> dense(tensors.size(), false);
  std::vector<std::vector<std::size_t>> buckets(1);
  for (std::size_t i = 0; i < tensors.size(); ++i) buckets.front().push_back(i);
  const c10::intrusive_ptr<c10d::ProcessGroup>& between = group.impl_->gradients;
  impl_->reducer = std::make_unique<c10d::Reducer>(
      std::move(tensors), std::move(buckets), between, dense, kBucketBytes,
      /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false,
      /*param_names=*/std::unordered_map<std::size_t, std::string>{},
      /*first_bucket_bytes_cap=*/kBucketBytes / 25, /*skip_all_reduce_unused_params=*/false,
      /*use_python_reducer=*/false, /*bucket_bytes_cap_list=*/std::vector<std::int64_t>{});
  // Buckets in the order of the parameters, now: c10d would take the order in which gradients came
  // in the first pass, another one after a resume, and the sums would round differently.
  impl_->reducer->push_rebuilt_params_for_all_indices();
  impl_->reducer->rebuild_buckets();
  if (bfloat16) impl_->reducer->register_comm_hook(std::make_unique<Bfloat16Hook>(between));
}

GradientExchange::~GradientExchange() = default;

void GradientExchange::ExpectLastBackward() {
  impl_->reducer->prepare_for_backward({});
}

}  // namespace repro
