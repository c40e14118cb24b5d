"""The spreadsheets that people fill in and upload (docs/ru/templates), written from one definition, as csv and as xlsx.

Run with Superset's Python; an argument names another folder.
"""

from __future__ import annotations

import csv
import datetime as dt
import sys
from pathlib import Path

import xlsxwriter

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "ru" / "templates"
FIRST_DAY = dt.date(2027, 1, 1)

# File name, headings, example lines, and what to know about each column. Headings are those of the macro uploaded_inputs.
TEMPLATES = {
    "targets": (
        [
            "Показатель",
            "Для кого",
            "Название",
            "Период",
            "Действует с",
            "Действует по",
            "Значение",
            "На каждого",
        ],
        [
            ["Выручка", "компания", "", "месяц", FIRST_DAY, "", 32000000, ""],
            ["Сделок успех", "компания", "", "месяц", FIRST_DAY, "", 60, ""],
            ["Исходящих вызовов", "компания", "", "день", FIRST_DAY, "", 40, "да"],
        ],
        [
            "Показатель: название или код из словаря показателей.",
            "Для кого: компания, отдел (с подчинёнными отделами) или менеджер.",
            "Название: отдел или фамилия и имя сотрудника, как в Битрикс24; для компании пусто.",
            "Период: день, неделя или месяц.",
            "Действует с: первый день. Действует по: последний день; пусто, пока план не отменён.",
            "Значение: число; доля — как 0,3 для 30 %.",
            "На каждого: да — весь план у каждого сотрудника; пусто или нет — план делится на всех.",
        ],
    ),
    "ad_spend": (
        ["Канал", "С месяца", "По месяц", "Сумма в месяц"],
        [["Сайт", FIRST_DAY, "", 150000]],
        [
            "Канал: как на дашборде «Верхнеуровневые KPI», вкладка «Каналы».",
            "С месяца: любой день первого месяца. По месяц: любой день последнего; пусто, пока платите.",
            "Сумма в месяц: сколько платите за канал в месяц, в валюте отчётов. Один канал в одном месяце — одна строка.",
        ],
    ),
}


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (headings, lines, help_lines) in TEMPLATES.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            rows = [
                [f"{cell:%d.%m.%Y}" if isinstance(cell, dt.date) else cell for cell in line] for line in lines
            ]
            csv.writer(file, lineterminator="\n").writerows([headings, *rows])
        book = xlsxwriter.Workbook(str(folder / f"{name}.xlsx"), {"default_date_format": "dd.mm.yyyy"})
        book.set_properties({"created": dt.datetime(2026, 1, 1)})
        sheet, bold = book.add_worksheet("Таблица"), book.add_format({"bold": True})
        for column, heading in enumerate(headings):
            sheet.write(0, column, heading, bold)
            for row, line in enumerate(lines, start=1):
                if line[column] != "":
                    sheet.write(row, column, line[column])
        sheet.set_column(0, len(headings) - 1, 18)
        notes = book.add_worksheet("Как заполнить")
        notes.set_column(0, 0, 100)
        for row, text in enumerate(help_lines):
            notes.write(row, 0, text)
        book.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
