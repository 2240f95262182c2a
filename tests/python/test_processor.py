from pycifar.processor import find_processor


def test_the_name_and_the_instructions_come_from_linux_own_file(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor\t: 0\nmodel name\t: Some Chip\nflags\t\t: fpu avx2 avx512f amx_tile\n\n"
        "processor\t: 1\nmodel name\t: Some Other Chip\n"
    )
    processor = find_processor(cpuinfo)
    assert processor.name == "Some Chip"
    assert processor.instructions == ("AVX2", "AVX512", "AMX")
    assert processor.cores >= 1


def test_arm_calls_them_features(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert find_processor(cpuinfo).instructions == ("NEON", "BF16")


def test_where_there_is_no_such_file_the_name_is_still_known(tmp_path):
    processor = find_processor(tmp_path / "nothing")
    assert processor.name
    assert processor.instructions is None
