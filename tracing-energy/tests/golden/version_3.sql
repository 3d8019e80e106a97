INSERT INTO runs (no, uuid, name, status, parent_run, start_unix_ns, end_ns, version, pid, pid_start, pid_space, boot_id, heartbeat_unix_ns, last_seen_ns, lease, lease_renewals, host_id, host, os, chip, model, prompt, response, engine, precision, batch, input_tokens, output_tokens, experiment, config) VALUES
(1, 'kept', 'by hand', 'complete', NULL, 0, 400000000, '0.1.0', 1, NULL, '', NULL, 0, 400000000, NULL, 1, '00000000000000000000000000000000', 'machine', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3, NULL, NULL, NULL);
INSERT INTO run_tags (run, key, value) VALUES
(1, 'kind', 'test');
INSERT INTO conditions (run, time_point, key, value) VALUES
(1, 'end', 'power', 'battery'),
(1, 'start', 'governor', 'powersave'),
(1, 'start', 'power', 'mains');
INSERT INTO events (run, seq, time_ns, kind, count, message) VALUES
(1, 1, 7, 'gap', 1, 'x');
INSERT INTO processes (run, id, pid, pid_start, name, start_ns, end_ns, has_spans) VALUES
(1, 1, 4712, 99, 'worker', 5, 95, 1);
INSERT INTO threads (run, id, tid, name, role, process) VALUES
(1, 1, 4711, 'main', 'program', NULL);
INSERT INTO rails (run, id, source, name, parent, kind, unit, interval_ns, kernel, provenance) VALUES
(1, 1, 'replay', 'package', NULL, 'cpu', 'mJ', 100000000, 'box', 'replayed'),
(1, 2, 'replay', 'core', 1, 'cpu', 'mJ', 100000000, 'box', 'replayed'),
(1, 3, 'replay', 'dram', NULL, 'cpu', 'mJ', 100000000, 'box', 'replayed');
INSERT INTO baselines (run, rail, start_ns, end_ns, power_w, samples, spread_w) VALUES
(1, 1, -1000000, 0, 1.0, 10, 0.25);
INSERT INTO callsites (run, id, name, target, level, file, line, domain, role) VALUES
(1, 1, 'inference', 'models', 'INFO', 'a.rs', 1, 'cpu', 'run'),
(1, 2, 'prefill', 'models', 'INFO', 'a.rs', 2, 'cpu', 'phase'),
(1, 3, 'decode', 'models', 'INFO', 'a.rs', 3, 'cpu', 'phase'),
(1, 4, 'token', 'models', 'INFO', 'a.rs', 4, 'cpu', 'token'),
(1, 5, 'layer', 'models', 'INFO', 'a.rs', 5, 'cpu', 'layer'),
(1, 6, 'tick', 'models', 'INFO', 'a.rs', 6, 'cpu', NULL);
INSERT INTO nodes (run, id, parent, callsite, label, depth, phase, section, token, layer, component, op, kind) VALUES
(1, 1, NULL, 1, 'inference', 0, NULL, NULL, NULL, NULL, NULL, NULL, 'inference'),
(1, 2, 1, 2, 'prefill', 1, 2, NULL, NULL, NULL, NULL, NULL, 'inference > prefill'),
(1, 3, 2, 5, 'layer 0', 2, 2, NULL, NULL, 3, NULL, NULL, 'inference > prefill > layer'),
(1, 4, 1, 3, 'decode', 1, 4, NULL, NULL, NULL, NULL, NULL, 'inference > decode'),
(1, 5, 4, 4, 'token', 2, 4, NULL, 5, NULL, NULL, NULL, 'inference > decode > token'),
(1, 6, 5, 5, 'layer 0', 3, 4, NULL, 5, 6, NULL, NULL, 'inference > decode > token > layer'),
(1, 7, 5, 5, 'layer 1', 3, 4, NULL, 5, 7, NULL, NULL, 'inference > decode > token > layer'),
(1, 8, 7, 5, 'layer 9', 4, 4, NULL, 5, 7, NULL, NULL, 'inner layer');
INSERT INTO spans (id, node, instance, parent, thread, start_ns, end_ns, token) VALUES
(1099511627777, 1, NULL, NULL, 1, 0, 400000000, NULL),
(1099511627778, 2, NULL, 1, 1, 10000000, 100000000, NULL),
(1099511627779, 3, NULL, 2, 1, 20000000, 90000000, NULL),
(1099511627780, 4, NULL, 1, 1, 110000000, 390000000, NULL),
(1099511627781, 5, NULL, 4, 1, 120000000, 250000000, 0),
(1099511627782, 6, NULL, 5, 1, 130000000, 240000000, NULL),
(1099511627783, 5, NULL, 4, 1, 260000000, 380000000, 1),
(1099511627784, 7, NULL, 7, 1, 270000000, 370000000, NULL),
(1099511627785, 8, NULL, 8, 1, 300000000, 360000000, NULL);
INSERT INTO span_fields (span, json) VALUES
(1099511627778, '{"text":"a \"b\"","n":3}');
INSERT INTO instances (run, id, callsite, parent, created_ns, closed_ns) VALUES
(1, 1, 4, NULL, 5, NULL);
INSERT INTO links (run, span, follows) VALUES
(1, 1099511627783, 1099511627781);
INSERT INTO span_events (run, seq, time_ns, thread, span, callsite, json) VALUES
(1, 1, 50000000, 1, 1099511627778, 6, '{"message":"tick"}'),
(1, 2, 50000000, 1, 1099511627778, 6, '{"message":"tick"}');
INSERT INTO samples (run, rail, start_ns, end_ns, energy_j, phase) VALUES
(1, 1, 0, 100000000, 0.5, 2),
(1, 2, 0, 100000000, 1.0, 2),
(1, 3, 0, 100000000, 1.5, 2),
(1, 1, 100000000, 200000000, 0.5, 4),
(1, 2, 100000000, 200000000, 1.0, 4),
(1, 3, 100000000, 200000000, 1.5, 4),
(1, 1, 200000000, 300000000, NULL, 4),
(1, 2, 200000000, 300000000, NULL, 4),
(1, 3, 200000000, 300000000, NULL, 4),
(1, 1, 300000000, 400000000, 0.5, 4),
(1, 2, 300000000, 400000000, 1.0, 4),
(1, 3, 300000000, 400000000, 1.5, 4);
INSERT INTO cpu (run, scope, thread, start_ns, end_ns, on_cpu_ns) VALUES
(1, 'child', 1, 0, 50000000, 40000000),
(1, 'machine', 0, 0, 50000000, 40000000),
(1, 'process', 0, 0, 50000000, 40000000),
(1, 'sensor', 0, 0, 50000000, 40000000),
(1, 'thread', 1, 0, 50000000, 40000000);
INSERT INTO device_use (run, rail, start_ns, end_ns, own_ns, other_processes_ns, unknown_ns) VALUES
(1, 1, 0, 50000000, 20000000, 10000000, 0);
INSERT INTO sensor_metrics (run, name, start_ns, end_ns, value) VALUES
(1, 'gpu_freq_mhz', 0, 50000000, 615.5);
INSERT INTO node_windows (run, node, thread, start_ns, end_ns, self_ns, activations) VALUES
(1, 3, 1, 0, 100000000, 70000000, 1);
INSERT INTO attributions (run, id, method, version, params, clock_offset_ns, diagnostics, created_unix_ns) VALUES
(1, 1, 'proportional', 1, '{}', NULL, '{}', 0);
INSERT INTO balance (run, attribution, rail, measured_j, idle_j, spans_j, unattributed_j, other_processes_j, profiler_j, residual_j, unknown_j, extrapolated_j, duration_ns, covered_ns, lo_j, hi_j, peak_w, peak_ns) VALUES
(1, 1, 1, 502.0, 247.0, 255.0, NULL, NULL, NULL, 0.0, NULL, 0.0, 400000000, 400000000, NULL, NULL, NULL, NULL),
(1, 1, 2, 502.0, 247.0, 255.0, NULL, NULL, NULL, 0.0, NULL, 0.0, 400000000, 400000000, NULL, NULL, NULL, NULL),
(1, 1, 3, 125.5, 61.75, 63.75, NULL, NULL, NULL, 0.0, NULL, 0.0, 400000000, 400000000, NULL, NULL, NULL, NULL);
INSERT INTO node_energy (run, attribution, node, rail, self_j, lo_j, hi_j, inclusive_j, idle_j, self_ns, covered_ns, activations, instances, min_w, avg_w, peak_w, basis) VALUES
(1, 1, 1, 1, 1.0, NULL, NULL, 1.0, 0.5, 10000000, 10000000, 1, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 1, 2, 1.0, NULL, NULL, 1.0, 0.5, 10000000, 10000000, 1, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 1, 3, 0.25, NULL, NULL, 0.25, 0.125, 10000000, 10000000, 1, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 2, 1, 2.0, NULL, NULL, 2.0, 1.0, 10000000, 10000000, 2, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 2, 2, 2.0, NULL, NULL, 2.0, 1.0, 10000000, 10000000, 2, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 2, 3, 0.5, NULL, NULL, 0.5, 0.25, 10000000, 10000000, 2, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 3, 1, 4.0, NULL, NULL, 4.0, 2.0, 10000000, 10000000, 3, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 3, 2, 4.0, NULL, NULL, 4.0, 2.0, 10000000, 10000000, 3, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 3, 3, 1.0, NULL, NULL, 1.0, 0.5, 10000000, 10000000, 3, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 4, 1, 8.0, NULL, NULL, 8.0, 4.0, 10000000, 10000000, 4, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 4, 2, 8.0, NULL, NULL, 8.0, 4.0, 10000000, 10000000, 4, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 4, 3, 2.0, NULL, NULL, 2.0, 1.0, 10000000, 10000000, 4, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 5, 1, 16.0, NULL, NULL, 16.0, 8.0, 10000000, 10000000, 5, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 5, 2, 16.0, NULL, NULL, 16.0, 8.0, 10000000, 10000000, 5, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 5, 3, 4.0, NULL, NULL, 4.0, 2.0, 10000000, 10000000, 5, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 6, 1, 32.0, NULL, NULL, 32.0, 16.0, 10000000, 10000000, 6, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 6, 2, 32.0, NULL, NULL, 32.0, 16.0, 10000000, 10000000, 6, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 6, 3, 8.0, NULL, NULL, 8.0, 4.0, 10000000, 10000000, 6, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 7, 1, 64.0, NULL, NULL, 64.0, 32.0, 10000000, 10000000, 7, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 7, 2, 64.0, NULL, NULL, 64.0, 32.0, 10000000, 10000000, 7, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 7, 3, 16.0, NULL, NULL, 16.0, 8.0, 10000000, 10000000, 7, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 8, 1, 128.0, NULL, NULL, 128.0, 64.0, 10000000, 10000000, 8, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 8, 2, 128.0, NULL, NULL, 128.0, 64.0, 10000000, 10000000, 8, 1, NULL, NULL, NULL, 'proportional'),
(1, 1, 8, 3, 32.0, NULL, NULL, 32.0, 16.0, 10000000, 10000000, 8, 1, NULL, NULL, NULL, 'proportional');
INSERT INTO phase_energy (run, attribution, node, rail, duration_ns, covered_ns, energy_j, extrapolated_j, lo_j, hi_j, gap_j, edge_j, idle_j, spans_j, peak_w) VALUES
(1, 1, 2, 1, 100000000, 100000000, 12.0, 0.0, NULL, NULL, NULL, NULL, 6.0, 6.0, 9.0),
(1, 1, 4, 1, 100000000, 100000000, 480.0, 0.0, NULL, NULL, NULL, NULL, 240.0, 240.0, 9.0),
(1, 1, NULL, 1, 100000000, 100000000, 2.0, 0.0, NULL, NULL, NULL, NULL, 1.0, 1.0, 9.0),
(1, 1, 2, 2, 100000000, 100000000, 12.0, 0.0, NULL, NULL, NULL, NULL, 6.0, 6.0, 9.0),
(1, 1, 4, 2, 100000000, 100000000, 480.0, 0.0, NULL, NULL, NULL, NULL, 240.0, 240.0, 9.0),
(1, 1, NULL, 2, 100000000, 100000000, 2.0, 0.0, NULL, NULL, NULL, NULL, 1.0, 1.0, 9.0),
(1, 1, 2, 3, 100000000, 100000000, 3.0, 0.0, NULL, NULL, NULL, NULL, 1.5, 1.5, 9.0),
(1, 1, 4, 3, 100000000, 100000000, 120.0, 0.0, NULL, NULL, NULL, NULL, 60.0, 60.0, 9.0),
(1, 1, NULL, 3, 100000000, 100000000, 0.5, 0.0, NULL, NULL, NULL, NULL, 0.25, 0.25, 9.0);
INSERT INTO kind_energy (run, attribution, rail, kind, name, self_j, lo_j, hi_j, extrapolated_j, self_ns, covered_ns, power_w, basis, grouping) VALUES
(1, 1, 1, 2, 'kind 2', 2.0, NULL, 2.0, 0.25, 10000000, 10000000, 7.0, 'fitted', 0),
(1, 1, 1, 3, 'kind 3', 4.0, NULL, 4.0, 0.25, 10000000, 10000000, NULL, 'fitted', 1),
(1, 1, 2, 2, 'kind 2', 2.0, NULL, 2.0, 0.25, 10000000, 10000000, 7.0, 'fitted', 0),
(1, 1, 2, 3, 'kind 3', 4.0, NULL, 4.0, 0.25, 10000000, 10000000, NULL, 'fitted', 1),
(1, 1, 3, 2, 'kind 2', 0.5, NULL, 2.0, 0.25, 10000000, 10000000, 7.0, 'fitted', 0),
(1, 1, 3, 3, 'kind 3', 1.0, NULL, 4.0, 0.25, 10000000, 10000000, NULL, 'fitted', 1);
INSERT INTO kind_groups (run, attribution, rail, grouping, self_j, lo_j, hi_j) VALUES
(1, 1, 1, 1, 6.0, 5.0, NULL),
(1, 1, 2, 1, 6.0, 5.0, NULL),
(1, 1, 3, 1, 1.5, 1.25, NULL);
INSERT INTO kind_fits (run, attribution, rail, kinds, ln_power, covariance) VALUES
(1, 1, 1, '["inference","a \"b\""]', X'000000000000F83F0000000000001000', X'000000000000F03F000000000000E0BF000000000000E0BF9C7500883CE4377E'),
(1, 1, 2, '["inference","a \"b\""]', X'000000000000F83F0000000000001000', X'000000000000F03F000000000000E0BF000000000000E0BF9C7500883CE4377E'),
(1, 1, 3, '["inference","a \"b\""]', X'000000000000F83F0000000000001000', X'000000000000F03F000000000000E0BF000000000000E0BF9C7500883CE4377E');
INSERT INTO sample_balance (run, attribution, rail, start_ns, end_ns, measured_j, idle_j, spans_j, unattributed_j, other_processes_j, profiler_j, residual_j, unknown_j, phase) VALUES
(1, 1, 1, 0, 100000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 2),
(1, 1, 2, 0, 100000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 2),
(1, 1, 3, 0, 100000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 2),
(1, 1, 1, 100000000, 200000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 2, 100000000, 200000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 3, 100000000, 200000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 1, 200000000, 300000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 2, 200000000, 300000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 3, 200000000, 300000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 1, 300000000, 400000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 2, 300000000, 400000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4),
(1, 1, 3, 300000000, 400000000, 1.0, NULL, 0.0, NULL, NULL, NULL, 0.0, NULL, 4);
INSERT INTO window_power (run, attribution, rail, start_ns, end_ns, thread, kind, power_w) VALUES
(1, 1, 1, 0, 100000000, 1, 0, 10.0),
(1, 1, 2, 0, 100000000, 1, 0, 10.0),
(1, 1, 3, 0, 100000000, 1, 0, 2.5),
(1, 1, 1, 100000000, 200000000, 1, 0, 10.0),
(1, 1, 2, 100000000, 200000000, 1, 0, 10.0),
(1, 1, 3, 100000000, 200000000, 1, 0, 2.5),
(1, 1, 1, 200000000, 300000000, 1, 0, 10.0),
(1, 1, 2, 200000000, 300000000, 1, 0, 10.0),
(1, 1, 3, 200000000, 300000000, 1, 0, 2.5),
(1, 1, 1, 300000000, 400000000, 1, 0, 10.0),
(1, 1, 2, 300000000, 400000000, 1, 0, 10.0),
(1, 1, 3, 300000000, 400000000, 1, 0, 2.5);
INSERT INTO span_energy (span, attribution, rail, covered_ns, energy_j, extrapolated_j, lo_j, hi_j, idle_j, spans_j, peak_w, basis) VALUES
(1099511627778, 1, 1, 10000000, 12.0, 0.0, NULL, NULL, 6.0, 6.0, NULL, 'replayed'),
(1099511627778, 1, 2, 10000000, 12.0, 0.0, NULL, NULL, 6.0, 6.0, NULL, 'replayed'),
(1099511627778, 1, 3, 10000000, 3.0, 0.0, NULL, NULL, 1.5, 1.5, NULL, 'replayed'),
(1099511627781, 1, 1, 10000000, 96.0, 0.0, NULL, NULL, 48.0, 48.0, NULL, 'replayed'),
(1099511627781, 1, 2, 10000000, 96.0, 0.0, NULL, NULL, 48.0, 48.0, NULL, 'replayed'),
(1099511627781, 1, 3, 10000000, 24.0, 0.0, NULL, NULL, 12.0, 12.0, NULL, 'replayed'),
(1099511627783, 1, 1, 10000000, 384.0, 0.0, NULL, NULL, 192.0, 192.0, NULL, 'replayed'),
(1099511627783, 1, 2, 10000000, 384.0, 0.0, NULL, NULL, 192.0, 192.0, NULL, 'replayed'),
(1099511627783, 1, 3, 10000000, 96.0, 0.0, NULL, NULL, 48.0, 48.0, NULL, 'replayed');
