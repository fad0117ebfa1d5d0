"""Blind solvers and tests of independence: can a question be answered without the picture?"""
