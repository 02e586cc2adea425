#include "experiments/tasks/pretrain/task.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>

#include "core/io/file.h"
#include "experiments/cuda/plugin.h"
#include "experiments/data/batch_source.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/model/device.h"
#include "experiments/model/out_of_memory.h"
#include "experiments/model/state_dict_adapter.h"
#include "experiments/tasks/pretrain/spec.h"
#include "experiments/tasks/pretrain/team.h"
#include "experiments/train/trainer.h"

namespace repro {
namespace {

BatchSourceOptions DataOptions(const PretrainSpec& spec, std::vector<std::string> languages) {
  const PretrainSettings& settings = spec.settings;
  return {.languages = std::move(languages),
          .alpha = spec.sampling.alpha,
          .unit = spec.sampling.unit,
          .tokens_per_sample = settings.tokens_per_sample,
          .sequences_per_update = settings.sequences_per_update,
          .mask_prob = settings.mask_prob,
          .mask_token_prob = settings.mask_token_prob,
          .random_token_prob = settings.random_token_prob,
          .valid_blocks = settings.valid_blocks,
          .seed = static_cast<std::uint64_t>(spec.seed)};
}

// Those of the spec that there are shards of; the leader says which are left out, and why.
Result<std::vector<std::string>> LanguagesWithText(const PretrainSpec& spec,
                                                   const std::filesystem::path& tokens,
                                                   const TrainingGroup& group,
                                                   EventWriter& events) {
  REPRO_ASSIGN_OR_RETURN(const EncodedCorpus corpus, EncodedCorpus::Load(tokens));
  std::vector<std::string> languages;
  for (const std::string& code : spec.languages) {
    const auto left_out = corpus.left_out.find(code);
    if (left_out == corpus.left_out.end()) {
      languages.push_back(code);
    } else if (group.Leads()) {
      events.Message("warning", fmt::format("{} is left out: {}", code, left_out->second));
    }
  }
  return languages;
}

TrainerOptions LoopOptions(const PretrainSpec& spec, const TaskContext& context,
                           const TrainingGroup& group) {
  const PretrainSettings& settings = spec.settings;
  return {.schedule = {.peak = settings.peak_learning_rate,
                       .warmup_updates = settings.warmup_updates,
                       .total_updates = settings.updates},
          .adam = {.beta1 = settings.adam_beta1,
                   .beta2 = settings.adam_beta2,
                   .eps = settings.adam_eps,
                   .weight_decay = settings.weight_decay},
          .sequences_per_micro_batch = settings.sequences_per_micro_batch,
          .clip_norm = settings.clip_norm,
          .seed = static_cast<std::uint64_t>(spec.seed),
          .log_every = settings.log_every,
          .validate_every = settings.validate_every,
          .checkpoint_every = settings.checkpoint_every,
          .checkpoints_kept = settings.checkpoints_kept,
          .checkpoint_folder = context.scratch / "checkpoints",
          .group = &group,
          .bfloat16_gradients = settings.gradient_dtype == "bfloat16"};
}

TrainingData DataOf(BatchSource& source, const TrainingGroup& group) {
  TrainingData data;
  const BatchPart part{.rank = group.rank(), .size = group.size()};
  data.batch = [&source, part](std::int64_t update) { return source.Get(update, part); };
  data.languages = source.languages();
  for (std::size_t i = 0; i < source.languages().size(); ++i) {
    data.validation.push_back({source.languages()[i], source.Validation(i), {}});
    // Reads all blocks, and the leader alone reports it.
    if (group.Leads()) data.validation.back().plateau = source.ValidationPlateau(i);
  }
  return data;
}

Json HistoryJson(const TrainingHistory& history, const TrainingData& data,
                 const BatchSource& source) {
  Json plateau = Json::object();
  for (const ValidationSet& set : data.validation) {
    plateau[set.language] = {{"unigram", set.plateau.unigram},
                             {"context_free", set.plateau.context_free}};
  }
  Json shares = Json::object();
  for (const LanguageShare& share : source.shares()) {
    shares[share.code] = {{"probability", share.probability},
                          {"blocks", share.blocks},
                          {"blocks_per_epoch", share.blocks_per_epoch},
                          {"tokens", share.tokens}};
  }
  return {{"updates", history.updates},
          {"processes", history.processes},
          {"validation", history.validation},
          {"tokens", history.tokens},
          {"plateau", plateau},
          {"languages", shares}};
}

Status CheckSpec(const PretrainSpec& spec, std::int64_t processes) {
  if (spec.model.hidden % spec.model.heads != 0) {
    return Fail(ErrorCode::kInvalidArgument, "model.hidden {} is not a multiple of model.heads {}",
                spec.model.hidden, spec.model.heads);
  }
  if (processes > spec.settings.sequences_per_update) {
    return Fail(ErrorCode::kInvalidArgument,
                "pretrain.processes {} is more than pretrain.sequences_per_update {}: some would "
                "have nothing to do",
                processes, spec.settings.sequences_per_update);
  }
  if (const CudaPlugin& cuda = ProcessCuda(); spec.compute.device == "cuda" && cuda.available()) {
    // Before the others are started: the last one wants the last GPU.
    return CheckGpuNumber(static_cast<int>(processes) - 1, cuda.devices().size());
  }
  return {};
}

// On a GPU: gradients through NCCL, and what its allocator and data sheet say.
Status PrepareGpu(const PretrainSpec& spec, at::Device device, TrainingGroup& group,
                  TrainerOptions& options) {
  const CudaPlugin& cuda = ProcessCuda();
  const int gpu = device.index();
  if (spec.settings.reproducible_dropout) UseDeterministicAlgorithms(true);
  REPRO_RETURN_IF_ERROR(group.UseNccl(cuda, gpu));
  if (spec.compute.dtype == "bfloat16") {
    options.peak_flops =
        PeakBfloat16Flops(cuda.devices().at(static_cast<std::size_t>(gpu)).name).value_or(0);
  }
  options.peak_memory = [&cuda, gpu] { return cuda.PeakMemory(gpu).value_or(0); };
  return {};
}

// What every process does. The leader's results become the artifact.
Status TrainInTeam(const PretrainSpec& spec, TaskContext& context, TrainingGroup& group) {
  REPRO_ASSIGN_OR_RETURN(const std::filesystem::path tokens, context.Input("tokens"));
  REPRO_ASSIGN_OR_RETURN(
      const at::Device device,
      OpenDevice(spec.compute.device, spec.compute.threads, static_cast<int>(group.rank())));
  REPRO_ASSIGN_OR_RETURN(auto languages, LanguagesWithText(spec, tokens, group, context.events));
  REPRO_ASSIGN_OR_RETURN(BatchSource source,
                         BatchSource::Open(tokens, DataOptions(spec, std::move(languages))));
  const ModelShape shape{.settings = spec.model,
                         .vocab_size = source.vocab_size(),
                         .max_positions = spec.settings.tokens_per_sample + 2};
  MlmModel model = InitMlmModel(shape, static_cast<std::uint64_t>(spec.seed));
  model.encoder.bfloat16_products = spec.compute.dtype == "bfloat16";
  model.encoder.checkpoint_layers = spec.settings.activation_checkpointing;
  model.encoder.reproducible_dropout = spec.settings.reproducible_dropout;
  MoveTo(model, device);
  const TrainingData data = DataOf(source, group);
  TrainerOptions options = LoopOptions(spec, context, group);
  if (device.is_cuda()) REPRO_RETURN_IF_ERROR(PrepareGpu(spec, device, group, options));
  REPRO_ASSIGN_OR_RETURN(options.adam.form, ParseAdamForm(spec.settings.optimizer));
  REPRO_ASSIGN_OR_RETURN(options.adam.decayed, ParseWeightDecay(spec.settings.decay));
  REPRO_ASSIGN_OR_RETURN(const TrainingHistory history,
                         Train(model, data, options, context.events, context.stop));
  if (!group.Leads()) return {};
  for (std::size_t i = 0; i < source.languages().size(); ++i) {
    context.events.Write({.name = "pretrain.repeats",
                          .value = source.Repeats(i, spec.settings.updates),
                          .step = spec.settings.updates,
                          .language = source.languages()[i]});
  }
  REPRO_RETURN_IF_ERROR(SaveModel(context.out, model));
  return WriteFileAtomic(context.out / "history.json",
                         HistoryJson(history, data, source).dump(1) + "\n");
}

}  // namespace

Status RunPretrainTask(TaskContext& context) {
  REPRO_ASSIGN_OR_RETURN(const PretrainSpec spec, FromJson<PretrainSpec>(context.task.spec));
  const std::int64_t processes =
      std::max<std::int64_t>(IntegerField(context.task.info, "processes"), 1);
  REPRO_RETURN_IF_ERROR(CheckSpec(spec, processes));
  if (const auto slow = SlowProductsWarning(spec.compute.device, spec.compute.dtype)) {
    context.events.Message("warning", *slow);
  }
  REPRO_ASSIGN_OR_RETURN(Team team, Team::Assemble(processes, spec.compute.threads, context));
  return team.Conclude(
      WithoutExceptions("pretraining", [&] { return TrainInTeam(spec, context, team.group()); }));
}

}  // namespace repro
