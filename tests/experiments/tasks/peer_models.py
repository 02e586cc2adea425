"""PyTorch's transformers as the other side of peer_test.cc.

peer_models.py make FOLDER VOCABULARY DTYPE SHARD_SIZE ARCHITECTURE
    a random tiny XLM-R in FOLDER, as save_pretrained writes it, with VOCABULARY beside it
peer_models.py logits FOLDER ARCHITECTURE TOKENS OUT
    OUT: the logits (of a question answerer: of start and end, in this order), float32 arithmetic, of TOKENS (a safetensors file with `tokens`) by from_pretrained(FOLDER)
peer_models.py ids FOLDER TEXTS OUT
    OUT: for each text of the JSON list TEXTS the ids of XLMRobertaTokenizer, and those of SentencePiece itself in
    fairseq's layout; and the ids of the special tokens
"""
import json
import os
import shutil
import sys

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is to be asked of anybody

import torch
import transformers
from safetensors.torch import load_file, save_file

VOCABULARY = "sentencepiece.bpe.model"


def make(folder, vocabulary, dtype, shard_size, architecture):
    import sentencepiece

    torch.manual_seed(5)
    pieces = sentencepiece.SentencePieceProcessor(model_file=vocabulary).get_piece_size()
    config = transformers.XLMRobertaConfig(
        vocab_size=pieces + 2, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=66, type_vocab_size=1, initializer_range=0.1, layer_norm_eps=1e-5,
        pad_token_id=1, bos_token_id=0, eos_token_id=2)
    model = getattr(transformers, architecture)(config)
    with torch.no_grad():  # biases and LayerNorms are 0 and 1 at first, which hides mistakes
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size=shard_size)
    shutil.copy(vocabulary, os.path.join(folder, VOCABULARY))


def logits(folder, architecture, tokens_file, out):
    model, loading = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not loading[what], (what, loading[what])
    model = model.float().eval()
    if architecture.endswith("ForMaskedLM"):
        assert model.lm_head.decoder.weight is model.roberta.embeddings.word_embeddings.weight
    tokens = load_file(tokens_file)["tokens"]
    with torch.no_grad():
        output = model(input_ids=tokens, attention_mask=tokens.ne(1).long())
    result = output.logits if "logits" in output else torch.stack([output.start_logits, output.end_logits], -1)
    labels = {str(index): name for index, name in model.config.id2label.items()}
    save_file({"logits": result.contiguous()}, out, metadata={"labels": json.dumps(labels)})


def ids(folder, texts_file, out):
    import sentencepiece

    tokenizer = transformers.XLMRobertaTokenizer.from_pretrained(folder)
    processor = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, VOCABULARY))
    with open(texts_file, encoding="utf-8") as file:
        texts = json.load(file)
    own = [[0] + [3 if piece == 0 else piece + 1 for piece in processor.encode(text)] + [2] for text in texts]
    with open(out, "w", encoding="utf-8") as file:
        json.dump({
            "transformers": tokenizer(texts)["input_ids"],
            "sentencepiece": own,
            "pair": tokenizer(texts[0], texts[1])["input_ids"],
            "masked": tokenizer(texts[0] + " <mask>")["input_ids"],
            "special": [tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id,
                        tokenizer.unk_token_id, tokenizer.mask_token_id],
            "size": len(tokenizer),
            "longest": tokenizer.model_max_length,
        }, file)


{"make": make, "logits": logits, "ids": ids}[sys.argv[1]](*sys.argv[2:])
