//! Documents: an agency's form as it prints it, and a decision, as self-contained pages.
//!
//! What is sealed is what is rendered here, so a page depends on its arguments alone: the same case
//! gives the same bytes, every time. Whatever a person typed is text on it, never markup.
//!
//! It does not know what a value means or whether it is right, only how it is printed.

mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use onething_contract::manifest::{FilledBy, Kind, Manifest, Shape, SourceField, SourceForm};
use onething_contract::{Decision, Finding, Json, Office, Step, Verdict};
use serde_json::{Map, Value};

const STYLE: &str = include_str!("documents/page.css");
/// Nothing on a page may load or run anything, whatever gets onto it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A source form, filled in as far as the case has come.
#[derive(Debug, Clone, Copy)]
pub struct FormPage<'a> {
    /// The bundle's.
    pub manifest: &'a Manifest,
    /// One of its source forms.
    pub form: &'a SourceForm,
    /// The case.
    pub case_id: &'a str,
    /// Box number to value; what is absent or null is printed empty.
    pub values: &'a Map<String, Value>,
    /// Those that stand: they make an estimate a figure.
    pub decisions: &'a [Decision],
}

/// A decision of an office on a step.
#[derive(Debug, Clone, Copy)]
pub struct DecisionPage<'a> {
    /// The bundle's.
    pub manifest: &'a Manifest,
    /// The case.
    pub case_id: &'a str,
    /// What was decided.
    pub step: &'a Step,
    /// How.
    pub decision: &'a Decision,
}

impl FormPage<'_> {
    /// HTML in UTF-8: every printed box in its order, two to a row, tables and opinions on rows of
    /// their own.
    pub fn render(&self) -> String {
        let title = &self.form.title.zh;
        let agency = office_title(self.manifest, &self.form.agency);
        let estimates = self.form.fields.iter().any(|field| self.is_estimate(field));
        let body = html! {
            header {
                h1 { (title) }
                p.of { span { (agency) } span { "办件编号：" (self.case_id) } } "\n"
            }
            table.form { "\n" tbody { "\n" @for row in self.rows() { (row) } } } "\n"
            footer {
                @if estimates { p { "※预估：以经办机构的决定为准。" } }
                p { (self.manifest.title.zh) "（" (self.manifest.version) "） 依据：" (self.form.basis) }
            } "\n"
        };
        page(title, &body)
    }

    fn rows(&self) -> Vec<Markup> {
        let mut rows = Vec::new();
        let mut waiting: Option<Markup> = None;
        for PrintedBox { pair, wide } in self.boxes() {
            match (waiting.take(), wide) {
                (Some(first), false) => rows.push(html! { tr { (first) (pair) } "\n" }),
                (None, false) => waiting = Some(pair),
                (first, true) => {
                    rows.extend(first.map(half_row));
                    rows.push(html! { tr.wide { (pair) } "\n" });
                }
            }
        }
        rows.extend(waiting.map(half_row));
        rows
    }

    fn boxes(&self) -> impl Iterator<Item = PrintedBox> {
        let fields = self.form.fields.iter().map(|field| {
            let value = self.value(&field.no);
            let wide = field.shape.kind == Kind::Table;
            let content = html! {
                @if wide { (rows_of(&field.shape, value)) }
                @else { (words::value(&field.shape, value)) }
                @if !value.is_null() && self.is_estimate(field) { span.estimate { "※预估" } }
            };
            PrintedBox::new(&field.no, &field.label, &content, wide)
        });
        let areas = self.form.boxes.iter().map(|area| {
            let (FilledBy::Step { shows, .. } | FilledBy::Party { shows, .. }) = &area.filled_by;
            let content = html! { (words::by_its_look(self.value(&area.no))) };
            PrintedBox::new(&area.no, &area.label, &content, shows == "opinion")
        });
        fields.chain(areas)
    }

    fn value(&self, no: &str) -> &Value {
        self.values.get(no).unwrap_or(&Value::Null)
    }

    /// The figure is another's to decide, and they have not yet.
    fn is_estimate(&self, field: &SourceField) -> bool {
        field.decided.as_ref().is_some_and(|decided| {
            !self.decisions.iter().any(|decision| {
                decision.step == decided.step
                    && matches!(decision.verdict, Verdict::Approve | Verdict::NoObjection)
                    && members(decision.payload.as_ref())
                        .get(&decided.value)
                        .is_some_and(|value| !value.is_null())
            })
        })
    }
}

impl DecisionPage<'_> {
    /// HTML in UTF-8.
    pub fn render(&self) -> String {
        let (manifest, step, decision) = (self.manifest, self.step, self.decision);
        let title = format!("{}决定", step.title.zh);
        let body = html! {
            header {
                h1 { (title) }
                p.of { span { (self.office(&step.office)) } span { "办件编号：" (self.case_id) } } "\n"
            }
            table.form { "\n" tbody { "\n"
                (line("事项", &manifest.title.zh))
                (line("环节", &step.title.zh))
                (line("决定机关", &self.office(&step.office)))
                (line("决定", &self.verdict()))
                (line("意见", &decision.opinion))
                @if !decision.reasons.is_empty() {
                    tr.wide { th { "理由及依据" } td colspan="3" { ol { @for reason in &decision.reasons {
                        li { (self.reason(reason)) }
                    } } } } "\n"
                }
                @for (label, value) in self.payload() { (line(&label, &value)) }
                (line("决定人", &decision.by))
                @if let Some(principal) = &decision.on_behalf_of { (line("代行", principal)) }
                (line("决定时间", &words::moment(&decision.at)))
                (line("申报轮次", &format!("第{}次", u64::from(decision.round) + 1)))
                (line("救济途径", &manifest.guide.remedy.zh))
            } } "\n"
            footer { p { (manifest.title.zh) "（" (manifest.version) "）" } } "\n"
        };
        page(&title, &body)
    }

    fn office(&self, office: &Office) -> String {
        let title = office_title(self.manifest, &office.function);
        format!("{title}（{}）", office.region)
    }

    fn verdict(&self) -> String {
        match &self.decision.verdict {
            Verdict::Approve => "同意".into(),
            Verdict::NoObjection => "无异议".into(),
            Verdict::Reject => "不同意".into(),
            Verdict::ReturnForCorrection => "退回补正".into(),
            Verdict::Hold => "暂缓".into(),
            Verdict::NotCompetent(office) => {
                format!("不属本部门职权，应由{}办理", self.office(office))
            }
            Verdict::SendBack(step) => format!("退回复核（{step}）"),
            Verdict::Transfer(office) => format!("移送{}", self.office(office)),
        }
    }

    fn reason(&self, reason: &Finding) -> Markup {
        let element = reason.path.split('/').nth(1).and_then(|code| {
            let mut elements = self.manifest.elements.iter();
            elements.find(|element| element.code == code)
        });
        html! {
            @if let Some(element) = element { "【" (element.label.zh) "】" }
            (reason.message.zh)
            @if let Some(basis) = &reason.basis { "（依据：" (basis) "）" }
        }
    }

    /// What the decision carries, under the titles that the step's schema gives.
    fn payload(&self) -> Vec<(String, String)> {
        let schema = members(self.step.payload_schema.as_ref());
        let properties = schema.get("properties");
        let title = |member: &str| {
            let title = properties.and_then(|all| all.get(member)?.get("title")?.as_str());
            title.unwrap_or(member).to_owned()
        };
        members(self.decision.payload.as_ref())
            .iter()
            .map(|(member, value)| (title(member), words::by_its_look(value)))
            .collect()
    }
}

struct PrintedBox {
    pair: Markup,
    wide: bool,
}

impl PrintedBox {
    fn new(no: &str, label: &str, content: &Markup, wide: bool) -> PrintedBox {
        let columns = if wide { Some("3") } else { None };
        let pair = html! {
            th { span.no { (no) } (label) }
            td id=(no) colspan=[columns] { (content) }
        };
        PrintedBox { pair, wide }
    }
}

fn half_row(pair: Markup) -> Markup {
    html! { tr { (pair) th {} td {} } "\n" }
}

fn line(label: &str, value: &str) -> Markup {
    html! { tr.wide { th { (label) } td colspan="3" { (value) } } "\n" }
}

fn rows_of(shape: &Shape, table: &Value) -> Markup {
    let rows = table.as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        table.rows {
            thead { tr { @for column in &shape.columns { th { (column.label.zh) } } } }
            tbody { @for row in rows {
                "\n" tr { @for column in &shape.columns {
                    td { (words::value(&column.shape, row.get(&column.name).unwrap_or(&Value::Null))) }
                } }
            } }
        }
    }
}

fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE) "\n"
        html lang="zh-CN" {
            head { "\n"
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width";
                title { (title) } "\n"
                style { "\n" (PreEscaped(STYLE)) }
            } "\n"
            body { "\n" (body) }
        } "\n"
    };
    page.into_string()
}

fn office_title<'m>(manifest: &'m Manifest, function: &'m str) -> &'m str {
    let mut offices = manifest.offices.iter();
    let office = offices.find(|office| office.function == function);
    office.map_or(function, |office| &office.title.zh)
}

/// The members of a JSON object; none where it is absent or something else.
fn members(json: Option<&Json>) -> Map<String, Value> {
    json.and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
