//! What makes a matter: three functions over typed answers.

use crate::contract::{
    CaseView, Directive, Event, Finding, Office, Reservation, ReservationState, Severity, Step,
    StepStatus, Submission, WhenShort,
};
use crate::facts::Facts;
use crate::form::{self, Form};
use crate::values::{Decimal, text};
use std::cell::OnceCell;

/// A matter (事项). The form compiler and the SDK do the rest: prefill, the comparison with
/// registers, the derivations, the projections.
pub trait Matter {
    /// What the form compiler wrote.
    type Answers: Form;

    /// The rules of the matter, after the forms of the answers are checked.
    fn assess(case: &Submitted<'_, Self::Answers>, out: &mut Assessing);

    /// The order of work.
    fn plan(case: &Submitted<'_, Self::Answers>, scenario: &str) -> Vec<Step>;

    /// What follows from an event; effects are asked for through [`crate::effects`].
    fn respond(case: &Case<'_, Self::Answers>, event: &Event) -> Vec<Directive>;
}

/// A submission with its answers checked for their types and the derived ones computed.
pub struct Submitted<'a, A> {
    /// What was handed in.
    pub submission: &'a Submission,
    /// Its answers.
    pub answers: &'a A,
    /// Parameters and the filing day.
    pub facts: &'a Facts<'a>,
    /// Elements whose value the filer disputes: it differs from the register's.
    pub disputed: &'a [&'static str],
    /// Elements that the filer typed because the register has nothing for them.
    pub unverified: &'a [&'static str],
}

/// A case as of the event at hand.
pub struct Case<'a, A> {
    /// As the host shows it.
    pub view: &'a CaseView,
    answers: OnceCell<A>,
    read: fn(&CaseView) -> A,
}

impl<'a, A> Case<'a, A> {
    /// `read` computes the answers of a view; in a bundle the SDK does, in a test a table.
    pub fn new(view: &'a CaseView, read: fn(&CaseView) -> A) -> Self {
        Self {
            view,
            answers: OnceCell::new(),
            read,
        }
    }

    /// The answers, read when first needed.
    pub fn answers(&self) -> &A {
        self.answers.get_or_init(|| (self.read)(self.view))
    }

    /// How a step stands; `None` where the plan does not have it.
    pub fn step(&self, id: &str) -> Option<StepStatus> {
        let state = self.view.steps.iter().find(|state| state.step == id)?;
        Some(state.status)
    }

    /// The office whose step it is now; `None` where the plan does not have it.
    pub fn office(&self, step: &str) -> Option<&Office> {
        let state = self.view.steps.iter().find(|state| state.step == step)?;
        Some(&state.office)
    }

    /// What the case holds of a budget, or waits for.
    pub fn reservation(&self, budget: &str) -> Option<&ReservationState> {
        let mut held = self.view.reservations.iter();
        held.find(|held| held.budget == budget)
    }

    /// The decision of a step that stands.
    pub fn decision(&self, step: &str) -> Option<&crate::contract::Decision> {
        form::decision(self.view, step)
    }
}

/// The assessment in the making.
#[derive(Debug, Default)]
pub struct Assessing {
    /// The scenario (办事情形), a code of the manifest.
    pub scenario: String,
    /// Everything found so far.
    pub findings: Vec<Finding>,
    /// Codes of the materials noted by [`Assessing::missing`].
    pub missing: Vec<String>,
    /// The keys noted by [`Assessing::unique`].
    pub unique_keys: Vec<String>,
    /// The money noted by [`Assessing::reserve`].
    pub reservations: Vec<Reservation>,
}

impl Assessing {
    /// The submission must not pass.
    pub fn error(
        &mut self,
        path: &str,
        code: &str,
        zh: impl Into<String>,
        en: impl Into<String>,
        basis: &str,
    ) {
        self.find(Severity::Error, path, code, zh.into(), en.into(), basis);
    }

    /// Worth knowing for whoever decides.
    pub fn warning(
        &mut self,
        path: &str,
        code: &str,
        zh: impl Into<String>,
        en: impl Into<String>,
        basis: &str,
    ) {
        self.find(Severity::Warning, path, code, zh.into(), en.into(), basis);
    }

    /// A required material that is neither there nor rightly deferred.
    pub fn missing(&mut self, material: &str) {
        if !self.missing.iter().any(|known| known == material) {
            self.missing.push(material.to_owned());
        }
    }

    /// At most one open or completed case with this key.
    pub fn unique(&mut self, key: impl Into<String>) {
        self.unique_keys.push(key.into());
    }

    /// So much of a budget, in yuan, must be there for the case.
    pub fn reserve(&mut self, budget: impl Into<String>, yuan: Decimal, when_short: WhenShort) {
        self.reservations.push(Reservation {
            budget: budget.into(),
            amount: format!("{yuan:.2}"),
            when_short,
        });
    }

    /// An error was found already at this path.
    pub fn has_error_at(&self, path: &str) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error && finding.path == path)
    }

    fn find(
        &mut self,
        severity: Severity,
        path: &str,
        code: &str,
        zh: String,
        en: String,
        basis: &str,
    ) {
        self.findings.push(Finding {
            severity,
            path: path.to_owned(),
            code: code.to_owned(),
            message: text(zh, en),
            basis: (!basis.is_empty()).then(|| basis.to_owned()),
        });
    }
}
