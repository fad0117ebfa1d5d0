"""Templates for what is said of numbers of things, and of three things together; see `phrases` for what they share.

"As many cubes as spheres" is always said so that more cubes would not do: some take it for "at least as many".
"""

NUMBER_TEMPLATES: dict[str, tuple[str, ...]] = {
    "exists+exists+exists": (
        "{a}, {b} and {c}",
        "a photo of {a}, {b} and {c}",
        "there is {a}, {b} and {c}",
        "a picture of {a}, {b} and {c}",
        "an image with {a}, {b} and {c}",
        "{a}, {b} and also {c}",
        "the scene contains {a}, {b} and {c}",
        "{a}, {b} and {c} in sight",
    ),
    "atleast": (
        "at least {number} {counted}",
        "a photo of at least {number} {counted}",
        "a picture of at least {number} {counted}",
        "an image with at least {number} {counted}",
        "at least {number} {counted} can be seen",
        "there {are} at least {number} {counted}",
        "the scene contains at least {number} {counted}",
        "{number} or more {counted}",
    ),
    "fewer": (
        "fewer than {number} {counted}",
        "a photo of fewer than {number} {counted}",
        "a picture of fewer than {number} {counted}",
        "an image with fewer than {number} {counted}",
        "fewer than {number} {counted} can be seen",
        "there {are} fewer than {number} {counted}",
        "the scene contains fewer than {number} {counted}",
        "less than {number} {counted}",
    ),
    "morethan": (
        "more {many_a} than {many_b}",
        "a photo of more {many_a} than {many_b}",
        "a picture with more {many_a} than {many_b}",
        "an image with fewer {many_b} than {many_a}",
        "more {many_a} than {many_b} can be seen",
        "there are fewer {many_b} than {many_a}",
        "the scene contains more {many_a} than {many_b}",
        "a greater number of {many_a} than of {many_b}",
    ),
    "asmanyas": (
        "exactly as many {many_a} as {many_b}",
        "a photo of exactly as many {many_a} as {many_b}",
        "a picture with the same number of {many_a} and {many_b}",
        "an image with exactly as many {many_a} as {many_b}",
        "exactly as many {many_a} as {many_b} can be seen",
        "there are exactly as many {many_a} as {many_b}",
        "the scene contains exactly as many {many_a} as {many_b}",
        "an equal number of {many_a} and of {many_b}",
    ),
}
