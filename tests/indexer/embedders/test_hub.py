import json
import pickle
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import open_clip
import pytest
import skimage.data
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

import photoidx.assets
from photoidx.config import Config
from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders import catalogue, clip, embedder, pull, timm_models
from photoidx.indexer.embedders.backbones import open_backbone
from photoidx.indexer.embedders.base import Vision, square, unit

EXACT = Config(device="cpu", precision="float32")
TIMM = "resnet18.a1_in1k"


@dataclass
class Picture:
    pixels: Image.Image
    content_id: str = ""
    format: str = "png"
    data: bytes = b""

    def image(self, min_long_side=0):
        return self.pixels


@pytest.fixture(autouse=True)
def empty_caches(tmp_path_factory, monkeypatch):
    """No test finds weights that happen to be on this machine."""
    folder = tmp_path_factory.mktemp("caches")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(photoidx.assets, "cache_folder", lambda: folder / "ours")


@pytest.fixture
def asked(monkeypatch):
    """Note who is asked of the network, and give no answer."""
    found = []

    def look_up(host, *_args, **_rest):
        found.append(host)
        raise OSError("there is no network in this test")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    return found


@pytest.fixture(scope="module")
def pictures():
    found = (skimage.data.chelsea(), skimage.data.coffee(), skimage.data.astronaut())
    return [Image.fromarray(pixels) for pixels in found]


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    torch.manual_seed(1)
    model = timm.create_model(TIMM, pretrained=False).eval()
    path = tmp_path_factory.mktemp("timm") / "resnet.safetensors"
    save_file(model.state_dict(), path)
    return model, path


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory):
    """A CLIP with small towers, known to open_clip by the name `photoidx-tiny`, and its weights in a file."""
    folder = tmp_path_factory.mktemp("clip")
    told = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    (folder / "photoidx-tiny.json").write_text(json.dumps(told))
    open_clip.add_model_config(folder / "photoidx-tiny.json")
    torch.manual_seed(2)
    model = open_clip.create_model("photoidx-tiny").eval()
    path = folder / "tiny.pt"
    torch.save(model.state_dict(), path)
    return model, path


def vectors(stage, arrays):
    return np.stack([found[stage.vector_table][0]["vector"] for found in stage.run_batch(arrays)]).astype(np.float32)


def normalised(stage, arrays):
    batch = torch.from_numpy(np.stack(arrays)).float() / 255
    batch = (batch - torch.tensor(stage.vision.mean)) / torch.tensor(stage.vision.std)
    return batch.permute(0, 3, 1, 2)


def directly(stage, model, arrays):
    with torch.inference_mode():
        return unit(model(normalised(stage, arrays)).numpy())


def test_a_timm_checkpoint_gives_the_vectors_of_timm_itself(resnet, pictures):
    model, path = resnet
    stage = embedder(f"timm:{TIMM}@{path}", EXACT)
    arrays = [stage.prepare(Picture(picture)) for picture in pictures]
    theirs = timm.create_model(TIMM, pretrained=False, num_classes=0).eval()
    theirs.load_state_dict({name: t for name, t in model.state_dict().items() if not name.startswith("fc.")})
    expected = directly(stage, theirs, arrays)
    assert expected.shape == (3, 512)
    assert np.abs(vectors(stage, arrays) - expected).max() < 1e-3  # float16
    assert np.abs(unit(stage.pooled(arrays).numpy()) - expected).max() < 1e-5


def test_a_picture_is_cut_and_normalised_as_timm_and_open_clip_do_it(pictures):
    middle = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg("tf_efficientnet_lite0").to_dict())
    told = {key: open_clip.get_pretrained_cfg("ViT-B-16-SigLIP", "webli")[key] for key in ("mean", "std")}
    squashed = open_clip.transform.PreprocessCfg(**told, resize_mode="squash")
    clips = open_clip.transform.image_transform_v2
    transforms = {
        "timm:tf_efficientnet_lite0": timm.data.create_transform(**middle),
        "openclip": clips(open_clip.transform.PreprocessCfg(), is_train=False),
        "openclip:ViT-B-16-SigLIP/webli": clips(squashed, is_train=False),
    }
    for name, transform in transforms.items():
        stage = embedder(name, EXACT)
        for picture in pictures:
            # They cut at whole pixels, we where the middle is: of these sizes it is the same.
            whole = picture.crop((0, 0, 450, 300)) if picture.width == 451 else picture
            ours = normalised(stage, [stage.prepare(Picture(whole))])[0].numpy()
            theirs = transform(whole).numpy()
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).mean() < 0.01, name


def test_a_squashed_picture_is_seen_to_its_edges():
    picture = Image.new("RGB", (200, 100))
    picture.paste("white", (0, 0, 20, 100))
    vision = Vision(width=1, size=50, resize=50)
    assert square(picture, vision).max() == 0
    seen = square(picture, Vision(width=1, size=50, resize=50, squash=True))
    assert seen[:, :4].min() == 255
    assert seen[:, 7:].max() == 0


def test_vectors_have_length_one_and_do_not_depend_on_the_batch(resnet, tiny_clip, pictures):
    for name in (f"timm:{TIMM}@{resnet[1]}", f"openclip:photoidx-tiny/{tiny_clip[1]}"):
        stage = embedder(name, EXACT)
        arrays = [stage.prepare(Picture(picture)) for picture in pictures]
        assert np.abs(np.linalg.norm(vectors(stage, arrays), axis=1) - 1).max() < 1e-3
        together = stage.pooled(arrays).numpy()  # before float16 could hide a difference
        alone = np.concatenate([stage.pooled([array]).numpy() for array in arrays])
        assert together.tobytes() == alone.tobytes()


def test_the_model_always_gets_a_whole_batch(resnet, pictures):
    """Its arithmetic may depend on the batch's shape: on some processors it does, and on others not."""
    stage = embedder(f"timm:{TIMM}@{resnet[1]}", EXACT)
    stage.load()
    seen = []
    stage.model.register_forward_pre_hook(lambda _model, inputs: seen.append(inputs[0].shape[0]))
    arrays = [stage.prepare(Picture(picture)) for picture in pictures]
    stage.run_batch(arrays)
    stage.run_batch(arrays[:1])
    assert seen == [stage.batch_size, stage.batch_size]


def test_dinov2_from_a_file_is_timms_model_at_224_pixels(tmp_path, pictures):
    torch.manual_seed(3)
    model = timm.create_model(timm_models.DINOV2, pretrained=False).eval()  # 518 pixels: 37 x 37 places
    torch.save({"state_dict": model.state_dict()}, tmp_path / "dino.pth")
    stage = embedder(f"dinov2@{tmp_path / 'dino.pth'}", EXACT)
    arrays = [stage.prepare(Picture(pictures[0]))]
    assert arrays[0].shape == (224, 224, 3)
    theirs = timm.create_model(
        timm_models.DINOV2,
        pretrained=True,
        img_size=224,
        num_classes=0,
        pretrained_cfg_overlay={"file": str(tmp_path / "dino.pth")},
    ).eval()
    assert np.abs(unit(stage.pooled(arrays).numpy()) - directly(stage, theirs, arrays)).max() < 1e-5


def test_an_open_clip_checkpoint_gives_the_vectors_of_open_clip_itself(tiny_clip, pictures):
    model, path = tiny_clip
    stage = embedder(f"openclip:photoidx-tiny/{path}", EXACT)
    arrays = [stage.prepare(Picture(picture)) for picture in pictures]
    assert arrays[0].shape == (64, 64, 3)
    expected = directly(stage, model.encode_image, arrays)
    assert expected.shape == (3, 24)
    assert np.abs(unit(stage.pooled(arrays).numpy()) - expected).max() < 1e-5


def test_texts_get_vectors_that_compare_with_those_of_pictures(tiny_clip):
    model, path = tiny_clip
    stage = embedder(f"openclip:photoidx-tiny/{path}", EXACT)
    texts = [f"a photo of {number} cats" for number in range(stage.batch_size + 3)]
    found = stage.encode_text(texts)
    assert found.shape == (len(texts), stage.vision.width)
    assert found.dtype == np.float32
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5
    with torch.inference_mode():
        expected = unit(model.encode_text(open_clip.get_tokenizer("photoidx-tiny")(texts)).numpy())
    assert np.abs(found - expected).max() < 1e-5
    assert stage.encode_text(texts[:1]).tobytes() == found[:1].tobytes()
    assert stage.encode_text([]).shape == (0, stage.vision.width)


def test_a_checkpoint_with_a_missing_or_a_strange_tensor_is_refused_by_name(resnet, tiny_clip, tmp_path):
    for model, prefix, missing in (
        (resnet[0], f"timm:{TIMM}@", "layer2.0.conv1.weight"),
        (tiny_clip[0], "openclip:photoidx-tiny/", "visual.proj"),
    ):
        tensors = model.state_dict()
        torch.save({name: t for name, t in tensors.items() if name != missing}, tmp_path / "less.pth")
        torch.save({**tensors, "stranger": torch.zeros(1)}, tmp_path / "more.pth")
        with pytest.raises(AssetError, match=rf"1 missing \({missing}"):
            embedder(f"{prefix}{tmp_path / 'less.pth'}", EXACT).load()
        with pytest.raises(AssetError, match=r"1 unexpected \(stranger"):
            embedder(f"{prefix}{tmp_path / 'more.pth'}", EXACT).load()


def test_a_checkpoint_may_have_no_classifier_or_one_of_other_classes(resnet, tmp_path, pictures):
    whole = embedder(f"timm:{TIMM}@{resnet[1]}", EXACT)
    arrays = [whole.prepare(Picture(pictures[0]))]
    tensors = {name: t for name, t in resnet[0].state_dict().items() if not name.startswith("fc.")}
    torch.save(tensors, tmp_path / "none.pth")
    torch.save({**tensors, "fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}, tmp_path / "seven.pth")
    for name in ("none.pth", "seven.pth"):
        stage = embedder(f"timm:{TIMM}@{tmp_path / name}", EXACT)
        assert vectors(stage, arrays).tobytes() == vectors(whole, arrays).tobytes()


def test_a_file_that_is_no_checkpoint_or_would_run_code_is_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("no tensors")
    torch.save(Picture(Image.new("RGB", (1, 1))), tmp_path / "code.pth")
    (tmp_path / "numbers.npz").write_bytes(b"")
    for name in ("text.safetensors", "code.pth", "numbers.npz"):
        for prefix in (f"timm:{TIMM}@", "openclip:ViT-B-32/", "dinov2@"):
            with pytest.raises(AssetError, match=name) as caught:
                embedder(f"{prefix}{tmp_path / name}", EXACT).load()
            assert "\n" not in str(caught.value)


def test_the_static_facts_are_those_of_timm_and_open_clip():
    known = timm_models.facts(timm_models.DINOV2)
    vision = timm_models.DINOV2_VISION
    assert known.vision.width == vision.width
    assert (known.vision.mean, known.vision.std) == (vision.mean, vision.std)
    assert known.vision.interpolation == vision.interpolation
    assert known.vision.size == known.vision.resize  # no margin is cut off
    assert known.repo == timm_models.DINOV2_WEIGHTS.repo
    assert known.megabytes == pytest.approx(timm_models.DINOV2_WEIGHTS.megabytes, abs=1)
    assert timm.create_model(timm_models.DINOV2, img_size=vision.size).num_features == vision.width

    named = embedder(f"openclip:{clip.MODEL}/{clip.TAG}", EXACT)
    assert named.vision == clip.VISION
    assert (named.weights.repo, named.weights.files) == (clip.WEIGHTS.repo, clip.WEIGHTS.files)
    with torch.device("meta"):
        tensors = open_clip.create_model(clip.MODEL, device="meta").state_dict().values()
    assert clip.WEIGHTS.megabytes == pytest.approx(sum(4 * tensor.numel() for tensor in tensors) / 1e6, abs=1)
    assert open_clip.get_model_config(clip.MODEL)["embed_dim"] == clip.VISION.width


@pytest.mark.parametrize("model", ["vit_tiny_patch16_224", "vgg11", "mobilenetv3_small_050", "convnext_atto"])
def test_a_models_width_is_that_of_its_vectors(model):
    vision = timm_models.facts(model).vision
    theirs = timm.create_model(model, pretrained=False, num_classes=0).eval()
    with torch.inference_mode():
        assert theirs(torch.zeros(1, 3, vision.size, vision.size)).shape == (1, vision.width)


def test_without_weights_the_error_comes_at_once_and_says_how_to_bring_them(asked):
    for name, file, size in (
        ("dinov2", "model.safetensors", "88 MB"),
        ("openclip", "open_clip_model.safetensors", "605 MB"),
        (f"timm:{TIMM}", "model.safetensors", "47 MB"),
        ("openclip:RN50/openai", "open_clip_model.safetensors", "timm/resnet50_clip.openai"),
    ):
        stage = embedder(name, EXACT)
        for attempt in (stage.check, stage.load):
            with pytest.raises(AssetError) as caught:
                attempt()
            text = str(caught.value)
            assert "\n" not in text
            for part in (file, size, f"photoidx models pull {name}", "FILE"):
                assert part in text
    assert not asked


PLACES = (
    "hf-hub:owner/model",
    "hf_hub:owner/model",
    "HF-HUB:owner/model",
    "local-dir:/somewhere/model",
    "owner/model",
    "https://somewhere/model",
)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_instead_of_a_name_is_refused_before_anybody_is_asked(asked, place):
    for name in (f"timm:{place}", f"timm:{place}@/weights.pth", f"openclip:{place}", f"openclip:{place}//weights.pt"):
        with pytest.raises(PhotoidxError):
            embedder(name, EXACT)
        with pytest.raises(PhotoidxError):
            pull(name, EXACT)
    for pretrained in (True, False):
        with pytest.raises(PhotoidxError, match="place"):
            open_backbone(f"timm:{place}", EXACT, pretrained=pretrained)
    assert not asked


def test_what_was_remembered_of_a_place_makes_it_no_name(asked, monkeypatch):
    monkeypatch.setattr(timm_models, "facts", lambda _model: timm_models.Facts(Vision(width=1)))
    with pytest.raises(PhotoidxError, match="place"):
        embedder("timm:hf-hub:owner/model@/weights.pth", EXACT)


def test_weights_of_a_backbone_are_never_fetched_but_found_where_they_were_pulled_to(asked, resnet, tmp_path):
    with pytest.raises(AssetError, match=f"photoidx models pull timm:{TIMM}"):
        open_backbone(f"timm:{TIMM}", EXACT)
    assert not asked
    place = photoidx.assets.cache_folder() / "timm_resnet18_a1_in1k.safetensors"
    place.parent.mkdir()
    place.write_bytes(resnet[1].read_bytes())
    theirs = timm.create_model(TIMM, pretrained=False, features_only=True, out_indices=(-3, -2, -1))
    theirs.load_state_dict({name: t for name, t in resnet[0].state_dict().items() if not name.startswith("fc.")})
    pictures = torch.zeros((1, 64, 64, 3), dtype=torch.uint8)
    for name in (f"timm:{TIMM}", f"timm:{TIMM}@{resnet[1]}"):
        backbone = open_backbone(name, EXACT)
        with torch.inference_mode():
            expected = theirs.eval()((pictures.float() - backbone.mean).div(backbone.std).permute(0, 3, 1, 2))
            assert all(map(torch.equal, backbone.eval()(pictures), expected))
    tensors = resnet[0].state_dict()
    torch.save({name: t for name, t in tensors.items() if name != "layer2.0.conv1.weight"}, tmp_path / "less.pth")
    with pytest.raises(AssetError, match="1 missing"):
        open_backbone(f"timm:{TIMM}@{tmp_path / 'less.pth'}", EXACT)


def test_the_hubs_client_is_refused_while_anybody_leaves_it_alone(asked):
    import huggingface_hub

    outer, inner = photoidx.assets.without_hub(), photoidx.assets.without_hub()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)  # threads that overlap end in any order
    with pytest.raises(Exception, match="offline"):
        huggingface_hub.hf_hub_download("owner/model", "config.json", force_download=True)
    inner.__exit__(None, None, None)
    assert not asked
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_pulling_where_the_hub_is_out_of_reach_asks_once_and_gives_up(asked):
    with pytest.raises(AssetError, match=r"can't be fetched: .*dinov2@/FILE"):
        pull("dinov2", EXACT)
    assert len(asked) == 1


def test_weights_that_lie_in_the_cache_or_are_named_in_the_configuration_are_used(resnet, tmp_path, pictures):
    name = f"timm:{TIMM}"
    stage = embedder(name, EXACT)
    assert stage.weights_id == f"timm/{TIMM}"
    place = photoidx.assets.cache_folder() / "timm_resnet18_a1_in1k.safetensors"
    place.parent.mkdir()
    place.write_bytes(resnet[1].read_bytes())
    cached = embedder(name, EXACT)
    given = embedder(name, Config(device="cpu", precision="float32", model_paths=((name, str(resnet[1])),)))
    arrays = [cached.prepare(Picture(pictures[0]))]
    assert vectors(cached, arrays).tobytes() == vectors(given, arrays).tobytes()
    assert cached.weights_id == given.weights_id == photoidx.assets.sha256_of(place)
    assert pull(name, EXACT) == str(place)


def test_other_weights_in_the_same_file_are_another_fingerprint(tmp_path):
    path = tmp_path / "weights.pth"
    fingerprints = set()
    for content in (b"one", b"two more"):
        path.write_bytes(content)
        fingerprints.add(embedder(f"dinov2@{path}", EXACT).fingerprint)
    assert len(fingerprints) == 2


def test_tables_are_named_after_the_embedder_and_never_shared(tmp_path):
    assert embedder("dinov2", EXACT).vector_table == "vectors_dinov2"
    assert embedder("openclip", EXACT).vector_table == "vectors_openclip"
    assert embedder("timm:resnet50.a1_in1k", EXACT).vector_table == "vectors_timm_resnet50_a1_in1k"
    paths = (tmp_path / "a b.pth", tmp_path / "a_b.pth", tmp_path / "A-B.pth", tmp_path / "other" / "a_b.pth")
    names = [f"{form}{path}" for form in ("dinov2@", f"timm:{TIMM}@", "openclip:RN50/") for path in paths]
    tables = {embedder(name, EXACT).vector_table for name in names}
    assert len(tables) == len(names)
    assert all(table.replace("_", "").isalnum() and table.isascii() for table in tables)

    ours = [f"timm:{name}" for name in {*timm.list_models(), *timm.list_models(pretrained=True)}]
    ours += [f"openclip:{model}/{tag}" for model, tag in open_clip.list_pretrained()]
    slugs = {timm_models.slug_of(name, exact=True) for name in ours}
    assert len(slugs) == len(ours)


def test_a_relative_path_and_the_whole_one_name_the_same_embedder(resnet, monkeypatch):
    monkeypatch.chdir(resnet[1].parent)
    short = embedder(f"timm:{TIMM}@{resnet[1].name}", EXACT)
    assert short.name == f"timm:{TIMM}@{resnet[1]}"
    assert short.vector_table == embedder(short.name, EXACT).vector_table


def test_a_stage_travels_to_another_process_without_its_model(tiny_clip, pictures):
    stage = embedder(f"openclip:photoidx-tiny/{tiny_clip[1]}", EXACT)
    stage.encode_text(["warm"])
    sent = pickle.dumps(stage)
    assert len(sent) < 10_000
    again = pickle.loads(sent)
    arrays = [again.prepare(Picture(pictures[0]))]
    assert vectors(again, arrays).tobytes() == vectors(stage, arrays).tobytes()
    assert again.fingerprint == stage.fingerprint


def test_the_named_embedders_are_made_without_importing_torch():
    code = (
        "import sys; from photoidx.config import Config; from photoidx.indexer.embedders import embedder\n"
        "for name in ('dinov2', 'openclip'):\n"
        "    stage = embedder(name, Config()); stage.fingerprint; stage.tables\n"
        "assert not {'torch', 'timm', 'open_clip', 'huggingface_hub'} & set(sys.modules), 'slow'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dinov3", "dinov2"),
        ("nonsense", "timm:NAME"),
        ("timm:resnet81", "resnet18"),
        ("timm:resnet50.no_such_tag", "resnet50"),
        ("timm:resnet50@", "no file"),
        ("openclip:ViT-B-33/openai", "ViT-B-32"),
        ("openclip:ViT-B-32/nonsense", "laion2b_s34b_b79k"),
        ("openclip:ViT-B-32", "PRETRAINED"),
    ],
)
def test_an_unknown_name_is_an_error_that_shows_what_is_near(name, hint):
    with pytest.raises(PhotoidxError, match=hint):
        embedder(name, EXACT)


def test_the_catalogue_says_what_is_ready_and_how_to_get_the_rest():
    rows = {row.name: row for row in catalogue(Config())}
    assert rows["efficientnet_lite0"].state == "ready"
    assert (rows["dinov2"].dimensions, rows["openclip"].dimensions) == (384, 512)
    assert "text search" in rows["openclip"].about
    for name in ("dinov2", "openclip"):
        assert rows[name].state == "missing"
        assert f"photoidx models pull {name}" in rows[name].how_to_get
    for row in rows.values():
        assert row.licence


@pytest.mark.slow
def test_what_timm_and_open_clip_know_of_a_model_is_asked_once_then_needs_no_torch():
    code = (
        "import sys; from photoidx.config import Config; from photoidx.indexer.embedders import embedder\n"
        "made = [embedder(name, Config()) for name in ('timm:vit_tiny_patch16_224', 'openclip:ViT-B-16/openai')]\n"
        "print([(stage.name, stage.vision, stage.weights, stage.fingerprint) for stage in made])\n"
        "print('torch' in sys.modules)"
    )
    first, second = (subprocess.check_output([sys.executable, "-c", code], text=True).splitlines() for _ in range(2))
    assert first[0] == second[0]
    assert second[1] == "False"
