//! `spence calendar`

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::json;
use spence_calendar::{CalendarError, ExchangeCalendar, Session};

use crate::args::{Calendar, Common};
use crate::exit::{Code, Failure};
use crate::{dates, render};

const COLUMNS: [&str; 5] = ["session", "open_utc", "close_utc", "early_close", "minutes"];

pub(crate) fn run(common: &Common, asked: &Calendar) -> anyhow::Result<()> {
    let refused = |error: CalendarError| Failure::error(Code::Refused, error.to_string());
    let calendar = ExchangeCalendar::named(&asked.exchange).map_err(refused)?;
    let date = |name, text: &Option<String>| {
        text.as_deref().map(|text| dates::parse(name, text)).transpose()
    };
    let (from, to) = (date("from", &asked.from)?, date("to", &asked.to)?);
    let from = from.unwrap_or_else(dates::today);
    let to = to.unwrap_or_else(|| four_weeks_after(from, calendar));
    let sessions = calendar.sessions(from, to).map_err(refused)?;
    if common.json {
        let sessions: Vec<_> = sessions.iter().map(as_json).collect();
        let (calendar, zone) = (calendar.mic(), calendar.zone());
        return render::json(
            &json!({ "calendar": calendar, "zone": zone, "count": sessions.len(), "sessions": sessions }),
        );
    }
    if asked.csv {
        let rows = sessions.iter().map(|session| cells(session).join(",") + "\n");
        let text: String = rows.collect();
        return render::print(format!("{}\n{text}", COLUMNS.join(",")).as_bytes());
    }
    render::table(&COLUMNS, sessions.iter().map(|session| cells(session).into()).collect())?;
    let early = sessions.iter().filter(|session| session.is_early_close()).count();
    let (mic, zone) = (calendar.mic(), calendar.zone());
    render::note(
        &format!("{mic} ({zone}): {} sessions, {early} of them close early", sessions.len()),
        false,
    );
    Ok(())
}

/// As far as the calendar goes.
fn four_weeks_after(from: Date, calendar: ExchangeCalendar) -> Date {
    let (_, last) = calendar.span();
    let to = from.checked_add(4.weeks()).unwrap_or(from);
    if from <= last { to.min(last) } else { to }
}

fn cells(session: &Session) -> [String; 5] {
    [
        session.date().to_string(),
        session.open().to_string(),
        session.close().to_string(),
        u8::from(session.is_early_close()).to_string(),
        session.minutes().to_string(),
    ]
}

fn as_json(session: &Session) -> serde_json::Value {
    json!({
        "session": session.date().to_string(),
        "open_utc": session.open().to_string(),
        "close_utc": session.close().to_string(),
        "early_close": session.is_early_close(),
        "minutes": session.minutes(),
    })
}
