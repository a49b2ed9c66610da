"""Trains the guide, the tiny gpt-oss model that comes with Sordino; never part of the app.

Files, in the order of their use: `corpus` reads the conversations, `augment` roughens the
questions, `compose` lays conversations out as trees of tokens, `vocabulary` trains the tokenizer,
`network` and `mxfp4` are the model, `train` trains it, `export` writes it in the published
layout, `decode` and `evaluate` measure it against `baseline`.
"""
