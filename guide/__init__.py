"""Trains the guide, the tiny gpt-oss model that comes with Sordino; never part of the app.

README.md says what each file is for, and what the guide reaches.
"""
