//! What a bundle must show before it is deployed: that it is one, that its guide is whole, and that
//! every fixture of its matter comes out as expected, twice the same. Everything that is wrong is
//! said at once.

use crate::check::{Checked, Problem, find};
use crate::error::{Error, in_words};
use crate::{Fixture, Suite};
use onething_capabilities::Parameters;
use onething_contract::guide::LINTS;
use onething_contract::manifest::Manifest;
use onething_contract::{Finding, Severity, Text};
use onething_engine::Bundles;
use onething_runtime::{Bundle, Runtime};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Fixtures that a bundle is checked with.
pub const FIXTURES_MAX: usize = 1_000;
/// Characters of a difference that a finding tells.
const DIFFERENCE_CHARS_MAX: usize = 4_000;

/// A bundle, checked.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What it is for; empty where it is no bundle.
    pub matter: String,
    /// As its manifest says.
    pub version: String,
    /// SHA-256, hex.
    pub digest: String,
    /// What it was checked for, in words.
    pub checked: Vec<Text>,
    /// Everything that is wrong; the path is the fixture's folder.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    fn checked(&mut self, zh: String, en: String) {
        self.checked.push(Text { zh, en });
    }

    fn wrong(&mut self, path: &str, code: &str, zh: String, en: String) {
        self.findings.push(Finding {
            severity: Severity::Error,
            path: path.to_owned(),
            code: code.to_owned(),
            message: Text { zh, en },
            basis: None,
        });
    }
}

/// Checks a component: loads it, lints its guide, and replays the fixtures below a folder for as long
/// as it may take; a fixture that has begun is run to its end.
pub fn check_bundle(
    runtime: &Runtime,
    component: &[u8],
    fixtures: &Path,
    parameters: Arc<Parameters>,
    time_max: Duration,
) -> Report {
    let mut report = Report::default();
    let bundle = match runtime.load(component) {
        Ok(bundle) => bundle,
        Err(error) => {
            let why = in_words(&error);
            report.wrong(
                "",
                "not-a-bundle",
                format!("不是可运行的事项包：{why}"),
                why,
            );
            return report;
        }
    };
    report.describe(&bundle, runtime.limits().module_bytes);
    report.lint(bundle.manifest());
    report.replay(bundle, fixtures, parameters, time_max);
    report
}

impl Report {
    fn describe(&mut self, bundle: &Bundle, module_bytes: usize) {
        let manifest = bundle.manifest();
        self.matter = manifest.matter.clone();
        self.version = manifest.version.clone();
        self.digest = bundle.digest().to_owned();
        let (size, imports) = (bundle.size_bytes(), bundle.imports().len());
        self.checked(
            format!("组件 {size} 字节，不超过 {module_bytes} 字节"),
            format!("component of {size} bytes, at most {module_bytes}"),
        );
        self.checked(
            format!("{imports} 个导入接口，全部属于 {}", manifest.contract),
            format!("{imports} imports, all of {}", manifest.contract),
        );
        let Manifest {
            source_forms,
            materials,
            ..
        } = manifest.as_ref();
        let (forms, materials) = (source_forms.len(), materials.len());
        self.checked(
            format!("清单可读：{forms} 张原表单，{materials} 项材料"),
            format!("manifest of {forms} source forms and {materials} materials"),
        );
    }

    fn lint(&mut self, manifest: &Manifest) {
        let rules = LINTS.len();
        self.checked(
            format!("办事指南 25 个要素，{rules} 条规则"),
            format!("guide of 25 elements, {rules} rules"),
        );
        for lint in manifest.lint_guide() {
            let Text { zh, en } = lint.message;
            self.wrong("", lint.code, zh, en);
        }
    }

    fn replay(
        &mut self,
        bundle: Bundle,
        fixtures: &Path,
        parameters: Arc<Parameters>,
        time_max: Duration,
    ) {
        let folders = match find(&[fixtures.to_owned()]) {
            Ok(folders) if folders.len() <= FIXTURES_MAX => folders,
            Ok(folders) => {
                let count = folders.len();
                return self.wrong(
                    "",
                    "too-many-fixtures",
                    format!("样例 {count} 个，最多 {FIXTURES_MAX} 个"),
                    format!("{count} fixtures, at most {FIXTURES_MAX} are replayed"),
                );
            }
            Err(error) => {
                let why = error.to_string();
                return self.wrong(
                    "",
                    "fixtures-unreadable",
                    format!("无法读取样例：{why}"),
                    why,
                );
            }
        };
        let mut bundles = Bundles::default();
        bundles.add(bundle);
        let suite = Suite::new(bundles, parameters);
        let (started, mut replayed, mut other_law) = (Instant::now(), 0, 0);
        for (index, folder) in folders.iter().enumerate() {
            if started.elapsed() >= time_max {
                let (left, seconds) = (folders.len() - index, time_max.as_secs());
                self.wrong(
                    "",
                    "out-of-time",
                    format!("{seconds} 秒内未能回放完毕，还剩 {left} 个样例"),
                    format!("{left} fixtures were not replayed within {seconds} s"),
                );
                break;
            }
            let name = folder.strip_prefix(fixtures).unwrap_or(folder);
            let name = name.display().to_string();
            if let Some(matter) = self.other_matter(folder) {
                self.wrong(
                    &name,
                    "other-matter",
                    format!("样例属于事项 {matter}，不是 {}", self.matter),
                    format!(
                        "the fixture is of the matter {matter}, not of {}",
                        self.matter
                    ),
                );
                continue;
            }
            match suite.check(folder, false) {
                Checked { problem: None, .. } => replayed += 1,
                Checked {
                    problem: Some(problem),
                    ..
                } if is_of_other_law(&problem) => other_law += 1,
                Checked {
                    problem: Some(problem),
                    ..
                } => {
                    let why = told(&problem, fixtures);
                    let zh = format!("样例回放结果不符：{why}");
                    self.wrong(&name, "fixture-failed", zh, why);
                }
            }
        }
        if replayed == 0 && self.findings.iter().all(|finding| finding.path.is_empty()) {
            self.wrong(
                "",
                "no-fixtures",
                "没有适用于该版本的样例，至少需要一个".to_owned(),
                format!(
                    "no fixture of {} within the law of this version; at least one must come out as expected",
                    self.matter
                ),
            );
        }
        self.checked(
            format!("{replayed} 个样例与预期一致，各再用同一实例运行一次，逐字节相同（另有 {other_law} 个不适用于该版本）"),
            format!("{replayed} fixtures as expected, each run once more in an instance that stays, to the same bytes ({other_law} of another version's law)"),
        );
    }

    /// What a fixture that is one is of, where it is not of this matter.
    fn other_matter(&self, folder: &Path) -> Option<String> {
        let fixture = Fixture::read(folder).ok()?;
        (fixture.matter != self.matter).then_some(fixture.matter)
    }
}

fn is_of_other_law(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Run {
            source: Error::NoBundle { .. },
            ..
        }
    )
}

/// A problem with its causes and the lines to look at, without where the fixtures lie.
fn told(problem: &Problem, fixtures: &Path) -> String {
    let mut told = in_words(problem);
    if let Some(lines) = problem.lines().filter(|lines| !told.contains(*lines)) {
        told.push('\n');
        told.push_str(lines);
    }
    let told = told.replace(&format!("{}/", fixtures.display()), "");
    told.chars().take(DIFFERENCE_CHARS_MAX).collect()
}
