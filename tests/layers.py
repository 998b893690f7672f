"""How much of the tests each layer runs, as data: `--layer` takes what starts in that layer of LAYERS or before it.

A test goes by its function, "test_gradcheck", by its file, or by both, "test_registration.py::test_gradcheck"; folders
come before a file where two have one name. Of the entries of a table that fit a test the longest counts. Code:
selection.py. Seconds are of one core.
"""

LAYERS = ("check", "test", "all", "long")

# On two cores, after the build.
DURATIONS = {"check": "a minute", "test": "seven minutes", "all": "seventeen minutes", "long": "two hours"}

# Where tests start. What is not named here starts in "test".
STARTS: dict[str, str] = {
    # Is the build right: what the libraries hold, and values and gradients of every op.
    "test_library.py": "check",
    "test_info.py": "check",
    "test_philox_known_answers": "check",
    "test_gaussian_kl.py::test_matches_reference": "check",
    "test_reparameterize.py::test_matches_reference_with_the_same_noise": "check",
    "test_reparameterize_with_kl.py::test_gradients_are_the_sum_of_theirs": "check",
    "test_reparameterize_moments.py::test_matches_reference": "check",
    "test_minibatch_log_density.py::test_matches_reference": "check",
    "test_joint_log_density.py::test_matches_reference": "check",
    "test_gridded_marginals.py": "check",
    "test_stacked_affine.py::test_matches_reference": "check",
    "test_squared_mmd.py::test_matches_reference": "check",
    "test_accuracy.py": "check",
    "test_registration.py": "check",
    "test_layouts.py": "check",
    "test_a_hostile_value_stays_where_it_is": "check",
    "test_any_number_of_threads": "check",
    # What needs another program built, or one more sanitizer.
    "test_elementary.py": "all",
    "test_no_report_of_races": "all",
    "test_as_shipped": "all",
    "test_cuda_on_host.py": "all",
    "test_wheel.py": "all",
    # What torch compiles or exports anew for each case; the density's is in "test".
    "test_gaussian_kl.py::test_compiles_in_one_graph": "all",
    "test_reparameterize.py::test_compiles_in_one_graph": "all",
    "test_reparameterize_with_kl.py::test_compiles_in_one_graph": "all",
    "test_reparameterize_moments.py::test_compiles_in_one_graph": "all",
    "test_stacked_affine.py::test_compiles_in_one_graph": "all",
    "squared_mmd/test_autograd.py::test_compiles_in_one_graph": "all",
    "test_chunks_compile_in_one_graph": "all",
    "test_open_samples_are_exported": "all",
    "test_stacked_affine.py::test_an_open_batch_is_exported": "all",
    "test_compiles_in_one_graph_for_any_batch": "all",
    "test_transforms.py": "all",
    # Whole runs of what has tests of its parts.
    "bench/test_run.py": "all",
    "bench/test_memory.py": "all",  # 3 s
    "test_a_lock_keeps_other_processes_out_and_dies_with_its_own": "all",  # 4 s
    "test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on": "all",  # 3 s
    "test_an_interrupted_evaluation_keeps_the_training": "all",  # 3 s
    "test_memory_does_not_grow_with_the_square": "all",  # 2 s each
    "test_digits.py": "all",  # 6 s
    "examples/test_outliers.py": "all",  # 6 s
    "examples/test_bank.py": "all",  # 5 s
    "test_every_processes_rows_reach_every_process": "all",  # 8 s
    "test_the_total_correlation_of_few_samples_is_that_of_the_data_set": "all",  # 2 s each
    "pages/test_traverse.py": "all",  # 10 s
    "pages/test_compare.py": "all",  # 6 s
    "test_browser.py": "all",  # 3 s
    "metrics/test_coverage.py": "all",  # up to 6 s each
    "test_gradients.py": "all",  # 6 s
    "test_last_batch.py": "all",
    "test_distributed_data_parallel_averages_its_gradients": "all",  # 6 s
    "test_fully_sharded_stacks_are_what_they_are_in_one_process": "all",  # 8 s
    "ops/test_distributed.py": "all",  # 10 s
    "test_a_dry_run_writes_both_files": "all",  # 12 s
    "test_a_study_that_is_killed_ends_with_the_same_bits": "all",  # 10 s
    "engines/test_ray.py": "all",  # clusters of their own, which are killed: up to 20 s each
    "engines/test_slurm.py": "all",  # 10 s each, most of it to start processes
    "test_a_run_grows_by_a_strength_and_keeps_its_models": "all",
    "engines/test_local.py": "all",  # processes of their own, and those killed: a minute
    "test_memory_is_linear": "all",  # 5 s
    "test_memory_of_squared_mmd_does_not_grow_with_the_square": "all",
    "test_memory_of_large_samples": "long",
    "test_memory_of_a_large_minibatch": "long",
}

# Where cases start by the value of a parameter; those of a value that is not named start in "all". An instruction set
# goes as "best" or "other", and as in SETS where a test says nothing else.
SETS: dict[str, list[object]] = {"check": ["best"], "test": ["other"]}
_HOSTILE: dict[str, list[object]] = {
    "check": [(2, 17, 3)],
    "test": [(2, 1, 3), (2, 33, 3), (2, 257, 3), (2, 3, 1), (2, 3, 17), (2, 3, 33), (2, 3, 257)],
}
_FEW_SETS: dict[str, dict[str, list[object]]] = {"isa": {"test": ["best"], "all": ["other"]}}
VALUES: dict[str, dict[str, dict[str, list[object]]]] = {
    "test_a_hostile_value_stays_where_it_is": {"shape": _HOSTILE},
    "test_a_hostile_cotangent_stays_in_its_row": {"shape": _HOSTILE},
    "test_zeros_and_subnormals_keep_the_contract": {"size": {"test": [1, 2, 15, 16, 17, 31, 32, 33]}},
    "test_registration.py::test_gradcheck": {
        "shape": {"check": [(2, 3), (3, 3, 1)], "test": [(1, 1), (5, 4), (17, 1)]}
    },
    "test_opcheck": {"k": {"check": [0], "test": [5, 10, 14, 19, 23]}},
    "test_layouts.py::test_values_and_gradients": {
        "shape": {"check": [(37, 5)], "test": [(6, 9), (2, 33, 4), (3, 1, 17)]}
    },
    "test_any_number_of_threads": {"shape": {"check": [(5003, 7), (5, 67, 3)], "test": [(2, 301, 7)]}},
    "test_named_regimes": {"m": {"check": [33], "test": [31, 32, 34, 100]}},
    # Long for what they add: one shape of many latents, one more way to compile the same.
    "test_pruning.py::test_matches_reference": {"sigma": {"test": [0.03, 0.05, 0.001]}},
    "test_compiles_in_one_graph": {"dynamic": {"test": [True]}},
    "test_tiers.py": _FEW_SETS,
    "test_rows_far_from_their_own_posterior": _FEW_SETS,
    "test_a_total_over_many_tiles_keeps_its_digits": _FEW_SETS,
    # The programs of tests/kernels.
    "test_every_argument": {"name": {"all": ["best"], "long": ["other"]}},
    "test_no_report_of_races": {"name": {"all": ["best"], "long": ["other"]}},
    "test_ray_itself_is_killed": {"name": {"all": ["raylet"], "long": ["gcs_server"]}},
}

# How many random cases a test draws, or what else it counts: in "check", "test", "all" and "long".
FIGURES: dict[str, tuple[int, int, int, int]] = {
    "test_contract": (20, 200, 2_000, 100_000),  # of each op
    "test_no_input_breaks_the_contract": (10, 50, 500, 25_000),  # of gridded marginals
    "test_no_codes_break_a_score": (28, 56, 500, 10_000),  # of each score
    "test_no_input_breaks_the_bound": (10, 10, 40, 40),  # of pruned joints
    "test_relative_error_of_one_value": (100, 100, 300, 300),  # of KL divergences
    "test_no_report_of_address_or_undefined_behaviour": (5_000, 5_000, 50_000, 50_000),  # of each of two seeds
    "test_no_report_of_races": (10_000, 10_000, 10_000, 10_000),
    "test_as_shipped": (20_000, 20_000, 20_000, 20_000),
    "test_the_same_bits_again": (50, 50, 50, 10_000),  # calls on a GPU
    "test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_bits": (6, 6, 6, 200),  # kills
}

# What measures times, memory or threads, or ends processes: never beside other tests.
SERIAL: list[str] = [
    "test_library.py::test_a_forked_child_can_use_the_ops_after_a_parallel_region",
    "test_determinism.py",
    "test_same_bits_for_any_number_of_threads",
    "test_the_number_of_threads_changes_no_bit",
    "test_a_model_has_the_same_bits_alone_in_company_and_on_any_threads",
    "test_the_number_of_threads_is_left_as_it_was",
    "test_conv_vae.py::test_a_model_has_the_same_bits_alone_and_in_a_stack",
    "test_chunks_and_threads_change_nothing",
    "ops/minibatch_log_density/test_memory.py",
    "test_memory_of_squared_mmd_does_not_grow_with_the_square",
    "test_memory_of_large_samples",
    "test_memory_is_linear",
    "bench/test_memory.py",
    "bench/test_run.py",
    "test_multiply_adds_run_on_every_instruction_set",
    "test_gpu.py::test_a_step_that_hangs_ends_with_what_it_started",
    "test_gpu.py::test_a_step_without_its_tool_or_without_time_does_not_run",
    "test_gpu.py::test_a_dry_run_writes_both_files",
    "test_a_study_that_is_killed_ends_with_the_same_bits",
    "test_processes_end_with_one_that_is_killed",
    "engines/test_ray.py",
    "engines/test_slurm.py",
    "engines/test_local.py",
    "test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on",
    "test_the_first_signal_asks_and_the_second_insists",
    "test_an_interrupted_evaluation_keeps_the_training",
    "test_a_lock_keeps_other_processes_out_and_dies_with_its_own",
    "test_cuda.py",
    "test_wheel.py",  # two tests share what one builds
]

# What takes more than ten seconds, the longest first: started before the rest, and named when it starts.
SLOW: list[str] = [
    "test_cuda_kernels_on_host_agree_with_cpu_kernels",
    "test_no_report_of_address_or_undefined_behaviour",
    "test_no_report_of_races",
    "test_the_same_with_products_and_sums_fused",
    "test_as_shipped",
    "test_every_argument",
    "test_wheel.py",
    "test_contract",
    "test_no_input_breaks_the_contract",
    "test_no_codes_break_a_score",
    "test_compiles_in_one_graph_for_any_batch",
    "test_compiles_in_one_graph",
    "test_a_dry_run_writes_both_files",
    "test_a_study_that_is_killed_ends_with_the_same_bits",
]
