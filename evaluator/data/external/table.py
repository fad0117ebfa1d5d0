"""Every benchmark by others that we read, one row each. To add one: a file with `load` and a metric, and a row here."""

from fourfold.evaluator.data.external import (
    aro,
    bivlc,
    clip_binding,
    colorswap,
    crepe,
    eqben,
    mmvp,
    ncd,
    negbench,
    order,
    retrieval,
    spec,
    sugarcrepe,
    valse,
    vismin,
    whatsup,
    winoground,
)
from fourfold.evaluator.data.external.benchmark import Benchmark
from fourfold.evaluator.data.external.pairs import macro_pair_metric, pair_metric

_TRUTH_FIRST = "the authors put the true caption first and take the first maximum: ties count as right"
_EDITED = (
    "captions are rewritten as in the DCSM paper's evaluation: not comparable with numbers on the original captions"
)

BENCHMARKS: dict[str, Benchmark] = {
    "clip-binding": Benchmark(
        "clip-binding (CLEVR-bind)",
        "the folder with single_object/, two_object/ and rel/, one of these, or one annotation file",
        clip_binding.load,
        clip_binding.authors_metric,
        ("the authors' CLIP baseline runs with the prompt 'a photo of{caption}', without a space", _TRUTH_FIRST),
    ),
    "whatsup": Benchmark(
        "What'sUp A and B",
        "the folder with controlled_images_dataset.json and controlled_clevr_dataset.json, or one, or with data/",
        whatsup.load_controlled,
        whatsup.controlled_metric,
        (_TRUTH_FIRST,),
    ),
    "whatsup-edited": Benchmark(
        "What'sUp A and B, edited captions",
        "as for whatsup",
        whatsup.with_edited_captions(whatsup.load_controlled),
        whatsup.controlled_metric,
        (_EDITED, _TRUTH_FIRST),
    ),
    "coco-qa": Benchmark(
        "COCO-QA (COCO-spatial)",
        "the folder with coco_qa_one_obj.json and coco_qa_two_obj.json, or one of them",
        whatsup.load_coco,
        whatsup.questions_metric,
        (_TRUTH_FIRST,),
    ),
    "coco-qa-edited": Benchmark(
        "COCO-QA, edited captions",
        "as for coco-qa",
        whatsup.with_edited_captions(whatsup.load_coco),
        whatsup.questions_metric,
        (_EDITED, _TRUTH_FIRST),
    ),
    "vg-qa": Benchmark(
        "VG-QA (VG-spatial)",
        "the folder with vg_qa_one_obj.json and vg_qa_two_obj.json, or one of them",
        whatsup.load_vg,
        whatsup.questions_metric,
        (_TRUTH_FIRST,),
    ),
    "vg-qa-edited": Benchmark(
        "VG-QA, edited captions",
        "as for vg-qa",
        whatsup.with_edited_captions(whatsup.load_vg),
        whatsup.questions_metric,
        (_EDITED, _TRUTH_FIRST),
    ),
    "vg-relation": Benchmark(
        "ARO VG-Relation",
        "visual_genome_relation.json, the folder with it, or a parquet copy",
        aro.load_relation,
        aro.relation_metric,
        ("images are cropped to the region, as the authors do",),
    ),
    "vg-attribution": Benchmark(
        "ARO VG-Attribution",
        "visual_genome_attribution.json, the folder with it, or a parquet copy",
        aro.load_attribution,
        aro.attribution_metric,
        ("images are cropped to the region, as the authors do",),
    ),
    "coco-order": Benchmark(
        "ARO COCO-Order",
        "a file of frozen options (.jsonl, .json or .parquet), or a folder of parquet files",
        order.load,
        order.authors_metric,
        (_TRUTH_FIRST,),
    ),
    "flickr-order": Benchmark(
        "ARO Flickr30k-Order",
        "a file of frozen options (.jsonl, .json or .parquet), or a folder of parquet files",
        order.load,
        order.authors_metric,
        (_TRUTH_FIRST,),
    ),
    "retrieval": Benchmark(
        "COCO or Flickr30k retrieval",
        "coco_karpathy_test.json or flickr30k_test.json, or the folder with it",
        retrieval.load,
        retrieval.authors_metric,
        ("equal scores keep the order of the file",),
    ),
    "sugarcrepe": Benchmark(
        "SugarCrepe",
        "the folder with add_att.json ... swap_obj.json, one of them, a .csv of all, or .parquet copies",
        sugarcrepe.load,
        sugarcrepe.authors_metric,
    ),
    "negbench": Benchmark(
        "NegBench",
        "one of its .csv files (choice, retrieval or binary), or a folder of them",
        negbench.load,
        negbench.authors_metric,
    ),
    "valse": Benchmark(
        "VALSE",
        "the folder with existence.json ... foil-it.json, or one of them",
        valse.load,
        valse.authors_metric,
        ("items are kept if at least two of three annotators chose the caption",),
    ),
    "winoground": Benchmark(
        "Winoground",
        "its .parquet file, the folder with it, or a folder with examples.jsonl and images",
        winoground.load,
        pair_metric,
    ),
    "spec": Benchmark(
        "SPEC", "the folder with absolute_size/ ... count/, or one of these", spec.load, spec.authors_metric
    ),
    "bivlc": Benchmark(
        "BiVLC", "its .parquet file, the folder with it, or a .csv with its columns", bivlc.load, bivlc.authors_metric
    ),
    "ncd": Benchmark(
        "NCD composites",
        "the folder of images named <color1>_<A>_<color2>_<B>.png, or of the authors' training folders",
        ncd.load,
        ncd.authors_metric,
        (_TRUTH_FIRST,),
    ),
    "eqben": Benchmark(
        "EqBen",
        "a .json file of {image0, caption0, image1, caption1}, or a folder of them",
        eqben.load,
        macro_pair_metric,
        ("frames kept as NumPy files (YouCook2) must be converted to images first",),
    ),
    "vismin": Benchmark(
        "VisMin", "its .parquet file, the folder with it, or the training .json", vismin.load, macro_pair_metric
    ),
    "colorswap": Benchmark(
        "ColorSwap", "test.json, the folder with it, or its .parquet file", colorswap.load, pair_metric
    ),
    "mmvp": Benchmark(
        "MMVP-VLM",
        "Questions.csv, or the folder with it and 'MLLM_VLM Images/'",
        mmvp.load,
        mmvp.authors_metric,
        ("the authors run it with the prompt 'a photo of {caption}'",),
    ),
    "crepe": Benchmark(
        "CREPE productivity",
        "one prod_vg_hard_negs_*.csv, or a folder of them",
        crepe.load,
        crepe.authors_metric,
        ("images are cropped to the region, as the authors do", _TRUTH_FIRST),
    ),
}
