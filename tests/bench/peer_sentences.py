"""The classifier of sentence_bench.cc written with PyTorch and transformers: same arguments, same fields of JSON.

XLMRobertaForSequenceClassification, attention "sdpa", random batches of 32 padded to the longest; fine-tuning with
fused AdamW and dropout 0.1, evaluation in inference mode; bfloat16 by torch.autocast.
"""

import argparse
import contextlib
import json
import time

import torch
from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser()
    for name, default in dict(vocab=250002, hidden=768, layers=12, heads=12, threads=1).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--mode", choices=["evaluate", "finetune"], default="evaluate")
    parser.add_argument("--lengths", required=True)
    a = parser.parse_args()

    torch.set_num_threads(a.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    with open(a.lengths) as file:
        lengths = [int(line) for line in file]
    model = XLMRobertaForSequenceClassification._from_config(
        XLMRobertaConfig(vocab_size=a.vocab, hidden_size=a.hidden, num_hidden_layers=a.layers,
                         num_attention_heads=a.heads, intermediate_size=4 * a.hidden, max_position_embeddings=514,
                         type_vocab_size=1, layer_norm_eps=1e-5, hidden_dropout_prob=0.1,
                         attention_probs_dropout_prob=0.1, pad_token_id=1, num_labels=3),
        attn_implementation="sdpa")
    trains = a.mode == "finetune"
    model.train(trains)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01,
                                  fused=True)
    sentences = [torch.randint(4, a.vocab - 1, (length,)) for length in lengths]
    order = torch.randperm(len(lengths)).tolist()
    batches = [order[i:i + 32] for i in range(0, len(order), 32)]
    bfloat16 = a.dtype == "bfloat16"

    def work(batch):
        ids = torch.nn.utils.rnn.pad_sequence([sentences[i] for i in batch], batch_first=True, padding_value=1)
        mask = ids.ne(1).long()
        labels = torch.arange(len(batch)) % 3
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext():
            if not trains:
                with torch.inference_mode():
                    return model(input_ids=ids, attention_mask=mask).logits.sum().item()
            optimizer.zero_grad(set_to_none=True)
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        return loss.item()

    work([0, len(lengths) - 1])  # warms up
    wall_began, cpu_began = time.monotonic(), time.process_time()
    for batch in batches:
        last = work(batch)
    print(json.dumps(dict(wall_seconds=time.monotonic() - wall_began, cpu_seconds=time.process_time() - cpu_began,
                          sentences=len(lengths), batches=len(batches), peak_bytes=peak_bytes(), last=last)))


main()
