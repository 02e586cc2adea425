"""The update of train_step_bench.cc written with PyTorch and transformers: same arguments, same fields of JSON.

XLMRobertaForMaskedLM as it is: logits at every position, attention "sdpa", dropout 0.1, fused AdamW; bfloat16 by
torch.autocast.
"""

import argparse
import contextlib
import json
import statistics
import time

import torch
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser()
    for name, default in dict(vocab=4000, hidden=128, layers=4, heads=4, tokens=64, batch=32, threads=1, warmup=3,
                              updates=10).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    a = parser.parse_args()

    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    model = XLMRobertaForMaskedLM._from_config(
        XLMRobertaConfig(vocab_size=a.vocab, hidden_size=a.hidden, num_hidden_layers=a.layers,
                         num_attention_heads=a.heads, intermediate_size=4 * a.hidden,
                         max_position_embeddings=a.tokens + 2, type_vocab_size=1, layer_norm_eps=1e-5,
                         hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1, pad_token_id=1),
        attn_implementation="sdpa")
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01,
                                  fused=True)
    count = a.batch * a.tokens
    ids = torch.randint(4, a.vocab - 1, (count,))
    predicted = torch.arange(count) * 3 % 20 < 3
    inputs = ids.masked_fill(predicted, a.vocab - 1).view(a.batch, a.tokens)
    labels = ids.masked_fill(~predicted, -100).view(a.batch, a.tokens)
    bfloat16 = a.dtype == "bfloat16"

    def update():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext():
            loss = model(input_ids=inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.get_total_norm([p.grad for p in model.parameters()]).item()
        optimizer.step()
        return loss.item()

    wall, cpu = [], []
    for number in range(a.warmup + a.updates):
        wall_began, cpu_began = time.monotonic(), time.process_time()
        loss = update()
        if number >= a.warmup:
            wall.append(time.monotonic() - wall_began)
            cpu.append(time.process_time() - cpu_began)
    print(json.dumps(dict(wall_seconds=statistics.median(wall), cpu_seconds=statistics.median(cpu), tokens=count,
                          predicted=int(predicted.sum()), parameters=sum(p.numel() for p in model.parameters()),
                          peak_bytes=peak_bytes(), loss=loss)))


main()
