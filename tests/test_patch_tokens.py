"""Every family of open_clip image towers, in its real architecture with random weights, keeps the encoder's contract.

The dense definition is tested by what it means, not by how it is computed: where every spatial position holds the
same token, the model's own pooling of the whole picture must give what we say of that token alone.
"""

import copy
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from fourfold.evaluator.encoders.contract import LoadOptions
from fourfold.evaluator.encoders.openclip import open_clip, open_clip_encoder

TEXT = {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
VIT = {"image_size": 64, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16}
COCA = {**VIT, "attentional_pool": True, "attn_pooler_queries": 8, "attn_pooler_heads": 4, "output_tokens": True}
COCA_TEXT = {**TEXT, "embed_cls": True, "output_tokens": True}


def timm(name: str, size: int, pool: str, proj: str | None) -> dict:
    return {"timm_model_name": name, "image_size": size, "timm_pool": pool, "timm_proj": proj}


# The smallest architecture of each family, or one of its own classes made small; (vision, text, grid, class token)
FAMILIES = {
    "clip": (VIT, TEXT, (4, 4), True),
    "average pooling": ({**VIT, "pool_type": "avg"}, TEXT, (4, 4), True),
    "clipa": ({**VIT, "pool_type": "avg", "final_ln_after_pool": True, "no_ln_pre": True}, TEXT, (4, 4), True),
    "oblong": ({**VIT, "image_size": [32, 64]}, TEXT, (2, 4), True),
    "coca": (COCA, COCA_TEXT, (4, 4), True),
    "coca of one width": ({**COCA, "width": 24, "head_width": 12}, COCA_TEXT, (4, 4), True),
    "resnet": ({"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64}, TEXT, (2, 2), False),
    "siglip": (timm("vit_base_patch32_siglip_256", 256, "map", "none"), TEXT, (8, 8), False),
    "eva": (timm("eva02_tiny_patch14_224", 224, "token", None), TEXT, (16, 16), True),
    "pe": (timm("vit_pe_core_tiny_patch16_384", 384, "map", None), TEXT, (24, 24), True),
    "convnext": (timm("convnext_atto", 224, "", "linear"), TEXT, (7, 7), False),
    "convnext with mlp": (timm("convnext_atto", 224, "", "mlp"), TEXT, (7, 7), False),
    "mobileclip": (timm("fastvit_mci0", 256, "avg", None), TEXT, (8, 8), False),
    "vitamin": (timm("vitamin_small_224", 224, "", "linear"), TEXT, (14, 14), False),
    "swin": (timm("swin_tiny_patch4_window7_224", 224, "avg", "linear"), TEXT, (7, 7), False),
    "registers": (timm("test_vit2", 160, "avg", "linear"), TEXT, (10, 10), False),
    "pooled registers": (timm("test_vit3", 160, "map", "linear"), TEXT, (10, 10), False),
}
WITHOUT_PATCHES = {"attention pool of one size": (timm("resnet18", 224, "abs_attn", ""), TEXT)}


def make_model(vision: dict, text: dict, folder) -> tuple:
    siglip_width = {"embed_dim": 768} if "siglip" in vision.get("timm_model_name", "") else {"embed_dim": 24}
    config = {**siglip_width, "vision_cfg": vision, "text_cfg": text, "custom_text": True}
    if text.get("embed_cls"):
        config["multimodal_cfg"] = {**TEXT, "attn_pooler_heads": 2}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.create_model(f"local-dir:{folder}").eval()
    return model, open_clip.get_tokenizer(f"local-dir:{folder}"), config


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    vision, text, grid, has_class = FAMILIES[request.param]
    model, tokenizer, config = make_model(vision, text, tmp_path_factory.mktemp("family"))
    encoder = open_clip_encoder(request.param, model, tokenizer, config, LoadOptions())
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 256, (70, 70, 3), dtype=np.uint8)) for _ in range(2)]
    return model, encoder, pictures, encoder.encode_images(pictures), grid, has_class


def pixels_of(encoder, pictures: list) -> torch.Tensor:
    return torch.stack([encoder.preprocess(picture) for picture in pictures])


def pool_as_if_everywhere(visual, pixels: torch.Tensor, positions: list[int]) -> list[torch.Tensor]:
    """The model's own pooling of the picture when one of its last spatial tokens stands at every position: [b, d]."""
    kind = type(visual).__name__
    if kind == "TimmModel":
        features = visual.trunk.forward_features(pixels)
        return [visual.head(visual.trunk.forward_head(repeat(features, visual.trunk, at))) for at in positions]
    output = visual.forward_intermediates(pixels, indices=1)["image_intermediates"][-1]  # [b, c, h, w]
    if kind == "ModifiedResNet":
        pool = copy.deepcopy(visual.attnpool)
        torch.nn.init.zeros_(pool.positional_embedding)  # the value path leaves positions out, as MaskCLIP does
        return [pool(output.flatten(2)[:, :, at, None, None].expand_as(output)) for at in positions]
    tokens = output.flatten(2).transpose(1, 2)  # [b, h*w, c]
    with_class = [tokens[:, at, None].expand(-1, tokens.shape[1] + 1, -1) for at in positions]
    return [visual._pool(same)[0] @ visual.proj for same in with_class]


def repeat(features: torch.Tensor, trunk, position: int) -> torch.Tensor:
    if features.ndim == 3:
        index = position + trunk.num_prefix_tokens
        return features[:, index : index + 1].expand_as(features)
    if type(trunk).__name__ == "SwinTransformer":  # [b, h, w, c]
        return features.flatten(1, 2)[:, position, None, None].expand_as(features)
    return features.flatten(2)[:, :, position, None, None].expand_as(features)


def test_pooled_is_the_librarys_own(family):
    model, encoder, pictures, images, _, _ = family
    with torch.no_grad():
        own = functional.normalize(model.encode_image(pixels_of(encoder, pictures)), dim=-1)
        captions = ["a red cube", "not a blue sphere"]
        own_texts = functional.normalize(
            model.encode_text(open_clip.tokenize(captions, TEXT["context_length"])), dim=-1
        )
    torch.testing.assert_close(images.pooled, own, atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder.encode_texts(captions).pooled, own_texts, atol=1e-5, rtol=0)


def test_a_patch_is_what_the_picture_would_be_if_it_were_everywhere(family):
    model, encoder, pictures, images, grid, _ = family
    positions = [0, grid[1] + 1, grid[0] * grid[1] - 1]
    with torch.no_grad():
        everywhere = pool_as_if_everywhere(model.visual, pixels_of(encoder, pictures), positions)
    expected = functional.normalize(torch.stack(everywhere, dim=1), dim=-1)
    torch.testing.assert_close(images.patches[:, positions], expected, atol=2e-5, rtol=0)


def test_shapes_grid_and_class_token(family):
    _, encoder, _, images, grid, has_class = family
    assert encoder.has_patches
    assert images.grid == grid
    assert images.patches.shape == (2, grid[0] * grid[1], encoder.embed_dim)
    assert (images.cls is not None) == has_class
    torch.testing.assert_close(images.patches.norm(dim=-1), torch.ones(images.patches.shape[:2]))
    assert not torch.allclose(images.patches[:, 0], images.patches[:, -1], atol=1e-4)


def test_a_batch_of_one_gives_what_a_batch_of_many_gives(family):
    _, encoder, pictures, images, _, _ = family
    alone = encoder.encode_images(pictures[1:])
    torch.testing.assert_close(alone.patches, images.patches[1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone.pooled, images.pooled[1:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", WITHOUT_PATCHES)
def test_a_tower_without_patch_tokens_still_gives_its_pooled_feature(name, tmp_path):
    model, tokenizer, config = make_model(*WITHOUT_PATCHES[name], tmp_path)
    encoder = open_clip_encoder(name, model, tokenizer, config, LoadOptions())
    images = encoder.encode_images([Image.new("RGB", (64, 64), "red")])
    assert not encoder.has_patches
    assert images.patches is images.cls is images.grid is None
    torch.testing.assert_close(images.pooled.norm(dim=-1), torch.ones(1))


def most_changed(encoder, grid: tuple[int, int], row: int, column: int) -> tuple[int, int]:
    """Row and column of the patch token that changes most when the pixels of one cell of the grid do."""
    rows, columns = encoder.preprocess(Image.new("RGB", (70, 70))).shape[1:]
    height, width = rows // grid[0], columns // grid[1]
    changed = torch.zeros(1, 3, rows, columns)
    changed[:, :, row * height : (row + 1) * height, column * width : (column + 1) * width] = 3.0
    with torch.no_grad():
        before, after = (encoder.image_tower(pixels).patches[0] for pixels in (torch.zeros_like(changed), changed))
    return divmod((after - before).norm(dim=-1).argmax().item(), grid[1])


def test_a_patch_token_lies_in_the_corner_of_its_pixels(family):
    """In every family, convolutional ones included, whose tokens see their neighbours' pixels as well."""
    _, encoder, _, _, (h, w), _ = family
    for row, column in ((0, w - 1), (h - 1, 0)):
        found = most_changed(encoder, (h, w), row, column)
        assert (2 * found[0] >= h, 2 * found[1] >= w) == (row > 0, column > 0)


def test_token_i_of_a_grid_that_is_not_square_is_row_i_over_w_and_column_i_modulo_w(tmp_path):
    vision, text, grid, _ = FAMILIES["oblong"]
    encoder = open_clip_encoder("oblong", *make_model(vision, text, tmp_path), LoadOptions())
    assert grid == (2, 4)
    for cell in np.ndindex(grid):
        assert most_changed(encoder, grid, *cell) == cell
