"""Routes A and C, at the product's own sizes: well-formed Metal, and CUDA that compiles."""

import pytest

from mlx_engine.metal_source import metal_folder, read_kernel
from tests.metal import cuda_route, strict_route
from tests.metal.cases.case import Sizes
from tests.metal.cases.production import PRODUCTION, small_cases, templates
from tests.metal.report import ROLES
from tests.metal.toolchain import Missing, nvrtc, strict_clang

CASES = small_cases()
KERNELS = sorted(path.stem for path in metal_folder().glob("*.metal"))


def test_every_kernel_has_cases_and_production_sizes() -> None:
    assert sorted(CASES) == KERNELS
    for sizes in PRODUCTION:
        assert sorted(templates(sizes)) == KERNELS


def test_every_kernel_is_explained_and_reported() -> None:
    readme = (metal_folder() / "README.md").read_text()
    assert [name for name in KERNELS if f"`{name}`" not in readme] == []
    assert sorted({*ROLES, "full_attention_merge"}) == KERNELS  # reported with full_attention


@pytest.mark.skipif(isinstance(strict_clang(), Missing), reason=str(strict_clang()))
@pytest.mark.parametrize("sizes", PRODUCTION, ids=lambda sizes: sizes.name)
@pytest.mark.parametrize("name", KERNELS)
def test_what_mlx_hands_to_apples_compiler_is_well_formed(name: str, sizes: Sizes) -> None:
    source, case = read_kernel(name), CASES[name]
    for template in templates(sizes)[name]:
        launch = case.launch.with_template(template)
        text = strict_route.mlx_text(source, launch, case.inputs)
        assert strict_route.complaints(text, template) == ""


@pytest.mark.skipif(isinstance(nvrtc(), Missing), reason=str(nvrtc()))
@pytest.mark.parametrize("name", KERNELS)
def test_the_kernel_compiles_for_cuda(name: str) -> None:
    for template in templates(PRODUCTION[0])[name]:
        assert cuda_route.compiled(read_kernel(name), template)[:4] == b"\x7fELF"
