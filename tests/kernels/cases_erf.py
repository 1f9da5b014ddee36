"""Arguments for the error function."""

CASES = {
    "erf": [
        lambda rng, dtype: (rng.standard_normal((3, 4, 5)).astype(dtype) * 2,),
        lambda rng, dtype: (rng.standard_normal((0, 4)).astype(dtype),),
        lambda rng, dtype: (rng.standard_normal(17).astype(dtype) * 6,),
    ]
}
