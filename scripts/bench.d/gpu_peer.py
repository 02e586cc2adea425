"""The updates of repro-gpu-check with PyTorch and transformers on the same GPU: XLMRobertaForMaskedLM of random weights,
attention "sdpa", torch.autocast to bfloat16, torch.compile, fused AdamW, dropout 0.1, blocks of 512 tokens without
padding. transformers computes logits at every position; that is its way, and counts as its time, not as model FLOPs.

Run by `scripts/bench gpu --peer`, or by hand with any Python that has torch and transformers.
"""
import argparse
import json
import statistics
import sys
import time

NO_GPU = 3
TOKENS = 512
VOCAB = 250_002
SIZES = {"base": dict(hidden=768, layers=12, heads=12, rows=256), "large": dict(hidden=1024, layers=24, heads=16, rows=128)}
# NVIDIA's data sheets, dense bfloat16; the first name that is contained counts.
PEAKS = [("H100 PCIe", 756e12), ("H100 NVL", 835e12), ("H100", 989e12), ("H200", 989e12), ("A100", 312e12)]


def model_flops(size, tokens, predicted):
    """The formula of docs/benchmarks.md: TrainingFlops of experiments/train/training_flops.h."""
    width, layers = size["hidden"], size["layers"]
    layer = 12 * width * width
    head = width * width + VOCAB * width
    return 6 * (layers * layer * tokens + head * predicted) + 12 * layers * width * TOKENS * tokens


def measure(torch, transformers, name, compiled, repetitions):
    size = SIZES[name]
    config = transformers.XLMRobertaConfig(
        vocab_size=VOCAB, hidden_size=size["hidden"], num_hidden_layers=size["layers"], num_attention_heads=size["heads"],
        intermediate_size=4 * size["hidden"], max_position_embeddings=TOKENS + 2, type_vocab_size=1, layer_norm_eps=1e-5)
    torch.manual_seed(1)
    model = transformers.XLMRobertaForMaskedLM._from_config(config, attn_implementation="sdpa").cuda().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=True)
    forward = torch.compile(model) if compiled else model
    ids = torch.randint(4, VOCAB - 1, (size["rows"], TOKENS), device="cuda")
    labels = torch.where(torch.rand(ids.shape, device="cuda") < 0.15, ids, -100)
    predicted = int((labels >= 0).sum())

    def update(micro_batch):
        optimizer.zero_grad(set_to_none=True)
        for begin in range(0, size["rows"], micro_batch):
            part = slice(begin, begin + micro_batch)
            with torch.autocast("cuda", torch.bfloat16):
                loss = forward(input_ids=ids[part], labels=labels[part]).loss
            (loss * (micro_batch / size["rows"])).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    micro_batch = size["rows"] // 4
    while True:
        try:
            for _ in range(3):
                update(micro_batch)
            torch.cuda.synchronize()
            break
        except torch.cuda.OutOfMemoryError:
            if micro_batch == 1:
                raise
            micro_batch //= 2
            torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        update(micro_batch)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds)
    tokens = size["rows"] * TOKENS
    flops = model_flops(size, tokens, predicted) / median
    result = dict(size=name, variant="torch.compile" if compiled else "eager", dtype="bfloat16", tokens=tokens,
                  predicted=predicted, micro_batch=micro_batch, seconds=median, tokens_per_second=tokens / median,
                  model_flops_per_second=flops, peak_memory_bytes=torch.cuda.max_memory_allocated())
    peak = next((peak for gpu, peak in PEAKS if gpu in torch.cuda.get_device_name()), None)
    if peak:
        result["mfu"] = flops / peak
    return result


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench gpu --peer", description=__doc__)
    parser.add_argument("--json", default="results-gpu-peer.json", help="where the results go")
    parser.add_argument("--size", choices=[*SIZES, "all"], default="all")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--repetitions", type=int, default=7)
    arguments = parser.parse_args()
    try:
        import torch
        import transformers
    except ImportError as error:
        sys.exit(f"scripts/bench gpu --peer: {error}: scripts/setup --peer installs what it compares with")
    if not torch.cuda.is_available():
        print("scripts/bench gpu --peer: PyTorch finds no GPU on this machine", file=sys.stderr)
        sys.exit(NO_GPU)
    report = dict(gpu=torch.cuda.get_device_name(), torch=torch.__version__, transformers=transformers.__version__, throughput=[])
    for name in SIZES if arguments.size == "all" else [arguments.size]:
        result = measure(torch, transformers, name, not arguments.eager, arguments.repetitions)
        torch.cuda.empty_cache()
        report["throughput"].append(result)
        print(f"{name} {result['variant']}: {result['tokens_per_second']:.0f} tokens/s"
              + (f", MFU {100 * result['mfu']:.1f} %" if "mfu" in result else ""), flush=True)
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
