//! An empty command line has the defaults of the library's options.

use std::fmt::Debug;

use clap::Parser;
use energy_analyzer::attribute::ReattributionOptions;
use energy_analyzer::baseline::CheckOptions;
use energy_analyzer::calibrate::CalibrateOptions;
use energy_analyzer::cli::{BaselineCommand, Cli, Command, ImportSource};
use energy_analyzer::compare::CompareOptions;
use energy_analyzer::doctor::{DoctorOptions, ValidateOptions};
use energy_analyzer::drive::DriveOptions;
use energy_analyzer::engine::EngineOptions;
use energy_analyzer::experiment::{FactorOptions, SweepOptions, TrialConfig};
use energy_analyzer::flamegraph::{GraphOptions, Picture};
use energy_analyzer::import::ChromeOptions;
use energy_analyzer::ops::OpsOptions;
use energy_analyzer::record::RecordOptions;
use energy_analyzer::report::ReportOptions;
use energy_analyzer::run::RunOptions;
use energy_analyzer::runs::RunsOptions;
use energy_analyzer::summary::SummaryOptions;
use energy_analyzer::views::{
    BalanceOptions, HotOptions, SampleOptions, SqlOptions, TokensOptions, ViewScope,
};

fn same<T: Default + Debug + PartialEq>(parsed: &T) {
    assert_eq!(*parsed, T::default());
}

/// Command lines without options: the command and its required arguments.
const LINES: [&str; 23] = [
    "run",
    "sweep",
    "record -- true",
    "drive --serve x --endpoint http://127.0.0.1:1",
    "import chrome t.json --power p.csv",
    "calibrate",
    "doctor",
    "summary",
    "pipeline",
    "tokens",
    "layers",
    "ops",
    "hot",
    "balance",
    "power",
    "flamegraph",
    "report",
    "attribute",
    "runs",
    "compare a b",
    "baseline check main",
    "query sql",
    "show",
];

#[test]
fn options_of_each_command_have_library_defaults() {
    for line in LINES {
        let words = ["energy"].into_iter().chain(line.split(' '));
        match Cli::try_parse_from(words).unwrap().command {
            Command::Run(args) => {
                same::<RunOptions>(&args.options);
                same::<FactorOptions>(&args.factors.0);
                same::<SweepOptions>(&args.repeats);
                let configs = args.factors.0.configs(&TrialConfig::default()).unwrap();
                assert_eq!(
                    configs[0].config.options(&args.options),
                    RunOptions::default()
                );
            }
            Command::Sweep(args) => {
                same::<FactorOptions>(&args.factors.0);
                same::<SweepOptions>(&args.sweep);
                same::<EngineOptions>(&args.engine_options);
                same::<RunOptions>(&args.options);
            }
            Command::Record(args) => {
                let words = vec!["true".to_owned()];
                let expected = RecordOptions {
                    words,
                    ..RecordOptions::default()
                };
                assert_eq!(args.options, expected);
            }
            Command::Drive(args) => {
                let expected = DriveOptions {
                    serve: Some("x".to_owned()),
                    endpoint: Some("http://127.0.0.1:1".parse().unwrap()),
                    ..DriveOptions::default()
                };
                assert_eq!(args.options, expected);
            }
            Command::Import(args) => {
                let ImportSource::Chrome(options) = args.source else {
                    panic!("{line}")
                };
                let expected = ChromeOptions {
                    trace: "t.json".into(),
                    power: "p.csv".into(),
                    ..ChromeOptions::default()
                };
                assert_eq!(options, expected);
            }
            Command::Calibrate(args) => same::<CalibrateOptions>(&args.options),
            Command::Doctor(args) => {
                same::<DoctorOptions>(&args.options);
                same::<ValidateOptions>(&args.validation);
            }
            Command::Summary(args) => same::<SummaryOptions>(&args.options),
            Command::Pipeline(args) | Command::Layers(args) => same::<ViewScope>(&args.options),
            Command::Tokens(args) => same::<TokensOptions>(&args.options),
            Command::Ops(args) => same::<OpsOptions>(&args.options),
            Command::Hot(args) => same::<HotOptions>(&args.options),
            Command::Balance(args) => same::<BalanceOptions>(&args.options),
            Command::Power(args) => same::<SampleOptions>(&args.options),
            Command::Flamegraph(args) => {
                same::<GraphOptions>(&args.graph);
                same::<Picture>(&args.picture);
            }
            Command::Report(args) => same::<ReportOptions>(&args.options),
            Command::Attribute(args) => same::<ReattributionOptions>(&args.options),
            Command::Runs(args) => same::<RunsOptions>(&args.options),
            Command::Compare(args) => same::<CompareOptions>(&args.options),
            Command::Baseline(args) => {
                let BaselineCommand::Check(args) = args.command else {
                    panic!("{line}")
                };
                same::<CheckOptions>(&args.options);
            }
            Command::Query(args) => same::<SqlOptions>(&args.options),
            Command::Show(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
#[cfg(feature = "serve")]
fn options_of_collectors_and_scrapers_have_library_defaults() {
    use energy_analyzer::cli::{FleetCommand, OtlpCommand};
    use energy_analyzer::otlp::{FollowOptions, PushOptions};
    use energy_analyzer::serve::MetricsOptions;
    let parsed = |line: &str| {
        let words = ["energy"].into_iter().chain(line.split(' '));
        Cli::try_parse_from(words).unwrap().command
    };
    for line in [
        "otlp push last http://a",
        "otlp follow http://a",
        "otlp follow last http://a",
    ] {
        let Command::Otlp(args) = parsed(line) else {
            panic!("{line}")
        };
        match args.command {
            OtlpCommand::Push(args) => same::<PushOptions>(&args.options),
            OtlpCommand::Follow(args) => same::<FollowOptions>(&args.options),
        }
    }
    let Command::Fleet(args) = parsed("fleet metrics") else {
        panic!("fleet metrics")
    };
    let FleetCommand::Metrics(args) = args.command else {
        panic!("metrics")
    };
    same::<MetricsOptions>(&args.options);
}
