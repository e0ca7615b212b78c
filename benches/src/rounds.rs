//! Ways for frames, measured beside one another: every way once a round, in an order that turns
//! around each round, so that what else happens on the machine falls on all of them alike.

use std::any::Any;
use std::os::unix::net::UnixDatagram;

use crate::cpu::{Group, Placement};
use crate::flow::{Course, nanos, to_f64};
use crate::table::{ratio, shown, times};
use crate::{FAR, NEAR, broadcast, frame};

/// Trips before anything is counted: switches learn where the stations are, and caches are filled.
const WARM_UP: u64 = 50;

/// A way for frames.
pub struct Way {
    /// As the table names it.
    pub name: &'static str,
    near: UnixDatagram,
    far: Vec<UnixDatagram>,
    between: Vec<Group>,
    longest: usize,
    is_flood: bool,
    #[expect(dead_code, reason = "held until the way is dropped")]
    alive: Box<dyn Any>,
}

/// What is sent, and where everybody runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Length of the frames in bytes.
    pub length: usize,
    /// Where everybody runs.
    pub placement: Placement,
}

/// How much is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Rounds that count.
    pub rounds: usize,
    /// Frames one after another in each of them.
    pub frames: u64,
    /// Frames there and back in each of them.
    pub trips: u64,
}

/// What was found of a way in a case: a number for each round.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Frames a second that arrived.
    pub rate: Vec<f64>,
    /// CPU time of the sender, ns a frame.
    pub sender: Vec<f64>,
    /// CPU time of the receiver, ns a frame.
    pub receiver: Vec<f64>,
    /// CPU time of everything in between, ns a frame.
    pub between: Vec<f64>,
    /// The same, for each kind of process.
    pub parts: Vec<(String, Vec<f64>)>,
    /// The median round trip, µs.
    pub half: Vec<f64>,
    /// The round trip that 99 of 100 do not exceed, µs.
    pub most: Vec<f64>,
    /// The part of the frames that did not arrive.
    pub loss: Vec<f64>,
}

/// Everything that was found, in the order of the cases, and of the ways in each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings(Vec<(Case, &'static str, Series)>);

impl Way {
    /// A way from `near` to `far` (many, if frames go to everybody) through `between`. Longer frames
    /// than `longest` bytes are not carried.
    #[must_use]
    pub fn new(
        name: &'static str,
        (near, far): (&UnixDatagram, &[&UnixDatagram]),
        between: &[Group],
        longest: usize,
    ) -> Self {
        let share = |end: &UnixDatagram| end.try_clone().expect("a descriptor");
        let far = far.iter().map(|end| share(end)).collect();
        let between = between.to_vec();
        let (near, is_flood, alive) = (share(near), false, Box::new(()));
        Self { name, near, far, between, longest, is_flood, alive }
    }

    /// Frames go to everybody; there are no answers, and so no round trips.
    #[must_use]
    pub fn flooding(self) -> Self {
        Self { is_flood: true, ..self }
    }

    /// Keeps what is in between as long as the way.
    #[must_use]
    pub fn keeping(self, alive: impl Any) -> Self {
        Self { alive: Box::new(alive), ..self }
    }

    fn sample(&self, case: Case, plan: Plan, series: &mut Series) {
        let (mut there, back) = (frame(FAR, NEAR, case.length), frame(NEAR, FAR, case.length));
        if self.is_flood {
            there = broadcast(case.length);
        }
        let far: Vec<_> = self.far.iter().collect();
        let (near, between, placement) = (&self.near, &self.between[..], case.placement);
        let course = Course { near, far: &far, between, placement };
        if !self.is_flood {
            let _ = course.trips(&there, &back, WARM_UP);
        }
        if plan.trips > 0 && !self.is_flood {
            let trips = course.trips(&there, &back, plan.trips);
            series.half.push(trips.quantile(0.5));
            series.most.push(trips.quantile(0.99));
        }
        let flow = course.run(&there, plan.frames);
        let frames = to_f64(flow.sent);
        series.rate.push(flow.rate());
        series.sender.push(nanos(flow.sender) / frames);
        series.receiver.push(nanos(flow.receiver) / frames);
        series.between.push(flow.between_ns());
        series.loss.push(flow.loss());
        series.parts.resize_with(self.between.len(), Default::default);
        for ((part, group), time) in series.parts.iter_mut().zip(between).zip(&flow.between) {
            part.0.clone_from(&group.name);
            part.1.push(nanos(*time) / frames);
        }
    }
}

impl Findings {
    /// Measures every way in every case that it carries.
    #[must_use]
    pub fn measure(ways: &[Way], cases: &[Case], plan: Plan) -> Self {
        let mut findings = Self::default();
        for &case in cases {
            let ways = ways.iter().filter(|way| case.length <= way.longest);
            findings.0.extend(ways.map(|way| (case, way.name, Series::default())));
        }
        for round in 0..plan.rounds {
            let mut order: Vec<_> = findings.0.iter_mut().collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for (case, name, series) in order {
                let way = ways.iter().find(|way| way.name == *name).expect("a way of this table");
                way.sample(*case, plan, series);
            }
        }
        findings
    }

    /// What was found of a way in a case.
    #[must_use]
    pub fn of(&self, name: &str, case: Case) -> Option<&Series> {
        let mut found = self.0.iter().filter(|(at, way, _)| *at == case && *way == name);
        found.next().map(|(.., series)| series)
    }

    /// The ratio of a number of a way to that of another in the same case, round by round.
    #[must_use]
    pub fn ratio(
        &self,
        case: Case,
        [way, other]: [&str; 2],
        number: impl Fn(&Series) -> &[f64],
    ) -> f64 {
        match (self.of(way, case), self.of(other, case)) {
            (Some(way), Some(other)) => ratio(number(way), number(other)),
            _ => f64::NAN,
        }
    }

    /// A table of one placement, with ratios to the way called `reference`.
    #[must_use]
    pub fn table(&self, placement: Placement, reference: &str) -> String {
        let to = format!("x {reference}");
        let mut table = crate::table::Table::new(&[
            "way",
            "bytes",
            "1,000 frames/s",
            &to,
            "CPU ns a frame: sends + between + receives",
            "of it between",
            "round trip p50, µs",
            &to,
            "p99, µs",
            "lost",
        ]);
        let rows = self.0.iter().filter(|(case, ..)| case.placement == placement);
        for (case, name, series) in rows {
            let rate: Vec<_> = series.rate.iter().map(|rate| rate / 1000.0).collect();
            let ends = [&series.sender, &series.between, &series.receiver];
            let cpu = ends.map(|part| format!("{:.0}", crate::table::median(part))).join(" + ");
            let ratios = [
                self.ratio(*case, [name, reference], |series| &series.rate),
                self.ratio(*case, [name, reference], |series| &series.half),
            ];
            let [rates, trips] = ratios.map(times);
            table.row(&[
                (*name).to_owned(),
                case.length.to_string(),
                shown(&rate, 0),
                rates,
                cpu,
                parts(&series.parts),
                shown(&series.half, 1),
                trips,
                shown(&series.most, 1),
                format!("{:.1} %", 100.0 * crate::table::median(&series.loss)),
            ]);
        }
        table.finish()
    }
}

/// `vdeq 2600, vde_switch 3400`; those that did nothing as well: that is what is to be seen.
fn parts(parts: &[(String, Vec<f64>)]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, times)| format!("{name} {:.0}", crate::table::median(times)))
        .collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_measured_once_a_round_in_every_case_that_it_carries() {
        let (a, b) = UnixDatagram::pair().unwrap();
        let (c, d) = UnixDatagram::pair().unwrap();
        let ways =
            [Way::new("short", (&a, &[&b]), &[], 1514), Way::new("long", (&c, &[&d]), &[], 9000)];
        let cases = [64, 9000].map(|length| Case { length, placement: Placement::Free });
        let plan = Plan { rounds: 2, frames: 100, trips: 10 };
        let findings = Findings::measure(&ways, &cases, plan);
        assert_eq!(findings.of("short", cases[0]).unwrap().rate.len(), 2);
        assert!(findings.of("short", cases[1]).is_none());
        assert!(findings.ratio(cases[0], ["long", "short"], |series| &series.rate) > 0.0);
        assert!(findings.ratio(cases[1], ["long", "short"], |series| &series.rate).is_nan());
        let table = findings.table(Placement::Free, "short");
        assert_eq!(table.lines().count(), 2 + 3, "{table}");
    }
}
