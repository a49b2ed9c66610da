"""The CPU route on arm64, Apple's own processors', emulated where the cross compiler is at hand."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlx_engine.metal_source import metal_folder, parse_kernel
from tests.metal.cpu_build import CHECKED, FLAGS, PRELUDES, RUNTIME, translation_unit

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"

# Runs the vocabulary kernel on a = identity, so that its product is b, and prints what it gives.
DRIVER = r"""
#include <cstdio>
#include <cstdint>
extern "C" struct LaunchRequest {
  void** buffers; const uint64_t* bytes; const char** names; const int32_t* is_output;
  int32_t buffer_count, is_checked, cpu_threads; uint32_t lane_order;
  uint32_t grid[3], threadgroup[3]; uint64_t* traffic; char* error;
};
extern "C" void msl_launch(const LaunchRequest*);
int main() {
  float a[64] = {}, b[64], product[64]; uint16_t numbers[32], halves[32]; uint32_t lanes[96];
  for (int i = 0; i < 8; i++) a[9 * i] = 1;
  for (int i = 0; i < 64; i++) b[i] = float(i);
  for (int i = 0; i < 32; i++) numbers[i] = 0x3f80;  // 1
  void* buffers[] = {a, b, numbers, product, lanes, halves};
  const uint64_t bytes[] = {256, 256, 64, 256, 384, 64};
  const char* names[] = {"a", "b", "numbers", "product", "lanes", "halves"};
  const int32_t is_output[] = {0, 0, 0, 1, 1, 1};
  uint64_t traffic[30] = {}; char error[600] = "";
  LaunchRequest request = {buffers, bytes, names, is_output, 6, CHECKED_RUN, 1, 5,
                           {32, 1, 1}, {32, 1, 1}, traffic, error};
  msl_launch(&request);
  int wrong = 0;
  for (int i = 0; i < 64; i++) wrong += product[i] != b[i];
  printf("%s|%d|%u|%u|%x\n", error, wrong, lanes[0], lanes[64], halves[9]);
}
"""


@pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
    reason=f"{COMPILER} or {EMULATOR} is missing (Debian: g++-aarch64-linux-gnu, qemu-user)",
)
@pytest.mark.parametrize("checked", [False, True])
def test_fibers_switch_and_meet_on_arm64(tmp_path: Path, checked: bool) -> None:
    text = Path(__file__).with_name("vocabulary.metal").read_text()
    kernel = tmp_path / "kernel.cpp"
    kernel.write_text(translation_unit(parse_kernel("vocabulary", text), {"T": "float", "K": 8}))
    driver = tmp_path / "driver.cpp"
    driver.write_text(DRIVER.replace("CHECKED_RUN", str(int(checked))))
    compile_ = [COMPILER, *FLAGS, f"-I{PRELUDES}", f"-I{metal_folder() / 'preludes'}"]
    units = [(kernel, CHECKED if checked else ()), (driver, ())]
    units += [(PRELUDES / name, ()) for name in RUNTIME]
    objects = []
    for unit, flags in units:
        objects.append(str(tmp_path / f"{unit.stem}.o"))
        subprocess.run([*compile_, *flags, "-c", str(unit), "-o", objects[-1]], check=True)
    program = tmp_path / "program"
    subprocess.run([COMPILER, "-static", *objects, "-o", str(program), "-pthread"], check=True)
    result = subprocess.run(
        [EMULATOR, str(program)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert result.stdout.strip() == "|0|701|496|4000", result
