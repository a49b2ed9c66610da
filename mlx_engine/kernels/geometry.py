"""The grid, the template arguments and the outputs of each kernel's call, from sizes alone.

The comment at the head of each `.metal` file says what its grid must be; this is where it is
counted out, for the engine and the tests alike. No arrays here.
"""

from mlx_engine.kernels.launch import Launch

_SIMDGROUPS = 4  # of a threadgroup of experts_gate_up
_POSITIONS = 256  # that a threadgroup of full_attention takes at least
_MOST_PARTS = 64
_GROUPED = 8  # rows an expert, on average, from which a tile of 64 rows pays


def qkv_rope(hidden: int, heads: int, kv_heads: int, size: int) -> Launch:
    return Launch(
        grid=(8 * (heads + 2 * kv_heads) * size, 1, 1),
        threadgroup=(64, 1, 1),
        template={"HIDDEN": hidden, "HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size},
        outputs={"queries": (heads, size), "packed": (2, kv_heads, size)},
    )


def band_attention(heads: int, kv_heads: int, size: int, slots: int) -> Launch:
    return Launch(
        grid=(32 * heads, 1, 1),
        threadgroup=(32 * heads // kv_heads, 1, 1),
        template={"HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size, "SLOTS": slots},
        outputs={"out": (heads, size)},
    )


def attention_parts(positions: int) -> int:
    """Into how many stretches full_attention cuts this many positions."""
    return min(_MOST_PARTS, -(-positions // _POSITIONS))


def full_attention(heads: int, kv_heads: int, size: int, parts: int) -> Launch:
    return Launch(
        grid=(32 * heads, parts, 1),
        threadgroup=(32 * heads // kv_heads, 1, 1),
        template={"HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size},
        outputs={"part_sums": (parts, heads, size), "part_softmax": (parts, heads, 2)},
    )


def full_attention_merge(heads: int, size: int) -> Launch:
    return Launch(
        grid=(32 * heads, 1, 1),
        threadgroup=(32, 1, 1),
        template={"HEADS": heads, "HEAD_DIM": size},
        outputs={"out": (heads, size)},
    )


def attention_out(hidden: int, width: int) -> Launch:
    return Launch(
        grid=(8 * hidden, 1, 1),
        threadgroup=(64, 1, 1),
        template={"HIDDEN": hidden, "WIDTH": width},
        outputs={"out": (hidden,)},
    )


def router(hidden: int, experts: int, chosen: int, *, threads: int = 512) -> Launch:
    return Launch(
        grid=(threads, 1, 1),
        threadgroup=(threads, 1, 1),
        template={"HIDDEN": hidden, "EXPERTS": experts, "CHOSEN": chosen},
        outputs={"normed": (hidden,), "chosen": (chosen,), "shares": (chosen,)},
    )


def experts_gate_up(hidden: int, inner: int, chosen: int) -> Launch:
    return Launch(
        grid=(16 * inner, chosen, 1),
        threadgroup=(32 * _SIMDGROUPS, 1, 1),
        template={"HIDDEN": hidden, "INNER": inner, "SIMDGROUPS": _SIMDGROUPS},
        outputs={"out": (chosen, inner)},
    )


def experts_down(hidden: int, inner: int, chosen: int) -> Launch:
    return Launch(
        grid=(8 * chosen * hidden, 1, 1),
        threadgroup=(32 * chosen, 1, 1),
        template={"HIDDEN": hidden, "INNER": inner, "CHOSEN": chosen},
        outputs={"out": (hidden,)},
    )


def tile_rows(rows: int, experts: int) -> int:
    """How many rows of one expert a threadgroup of experts_gemm takes."""
    return 64 if rows >= _GROUPED * experts else 8


def experts_gemm(
    inputs: int, outputs: int, experts: int, chosen: int, rows: int, tile: int, *, gated: bool
) -> Launch:
    return Launch(
        grid=(4 * outputs, -(-rows // tile) + experts, 1),
        threadgroup=(128, 1, 1),
        template={
            "INPUTS": inputs, "OUTPUTS": outputs, "EXPERTS": experts,
            "CHOSEN": chosen, "TOKENS": tile, "GATED": gated,
        },
        outputs={"out": (rows, outputs // 2 if gated else outputs)},
    )  # fmt: skip


def band_flash(heads: int, kv_heads: int, size: int, window: int, length: int) -> Launch:
    return Launch(
        grid=(128 * -(-length // 32), heads, 1),
        threadgroup=(128, 1, 1),
        template={"HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size, "WINDOW": window},
        outputs={"out": (length, heads, size)},
    )


def unembed(hidden: int, vocabulary: int) -> Launch:
    return _scores(vocabulary, {"HIDDEN": hidden, "VOCABULARY": vocabulary})


def unembed_8bit(hidden: int, vocabulary: int, group: int) -> Launch:
    return _scores(vocabulary, {"HIDDEN": hidden, "VOCABULARY": vocabulary, "GROUP": group})


def _scores(vocabulary: int, template: dict[str, int]) -> Launch:
    groups = -(-vocabulary // 32)
    return Launch(
        grid=(256 * groups, 1, 1),
        threadgroup=(256, 1, 1),
        template=template,
        outputs={"logits": (vocabulary,), "best_score": (groups,), "best_token": (groups,)},
    )
