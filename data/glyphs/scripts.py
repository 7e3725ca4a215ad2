"""The scripts and Unicode blocks of the `glyphs` set, each with its split.

Related scripts are in the same split, because most characters that look alike belong to related scripts. Of characters that look
alike only the first in this order is kept.
"""

from typing import NamedTuple


class Script(NamedTuple):
    """A range of code points, from `first` to `last` inclusive. Its name is a domain of the set."""

    split: str
    name: str
    first: int
    last: int


SCRIPTS = (
    Script("test", "Armenian", 0x0531, 0x058F),
    Script("test", "Tifinagh", 0x2D30, 0x2D7F),
    Script("test", "Lao", 0x0E80, 0x0EFF),
    Script("test", "Georgian_Asomtavruli", 0x10A0, 0x10CF),
    Script("test", "Georgian_Mkhedruli", 0x10D0, 0x10FF),
    Script("test", "Georgian_Nuskhuri", 0x2D00, 0x2D2F),
    Script("test", "Old_Italic", 0x10300, 0x1032F),
    Script("test", "Arrows", 0x2190, 0x21FF),
    Script("test", "Supplemental_Arrows", 0x27F0, 0x27FF),
    Script("test", "Arrow_Symbols", 0x2B00, 0x2BFF),
    Script("test", "Currency", 0x20A0, 0x20CF),
    Script("test", "Emoticons", 0x1F600, 0x1F64F),
    Script("val", "Hebrew", 0x05D0, 0x05FF),
    Script("val", "Hebrew_Presentation", 0xFB13, 0xFB4F),
    Script("val", "NKo", 0x07C0, 0x07FF),
    Script("val", "Ogham", 0x1680, 0x169F),
    Script("val", "Lisu", 0xA4D0, 0xA4FF),
    Script("val", "Dingbats", 0x2700, 0x27BF),
    Script("val", "Yijing_Hexagrams", 0x4DC0, 0x4DFF),
    Script("train", "Basic_Latin", 0x0021, 0x007E),
    Script("train", "Greek", 0x0370, 0x03E1),
    Script("train", "Coptic", 0x03E2, 0x03EF),
    Script("train", "Cyrillic", 0x0400, 0x04FF),
    Script("train", "Latin_1_Supplement", 0x00A1, 0x00FF),
    Script("train", "Latin_Extended_A", 0x0100, 0x017F),
    Script("train", "Latin_Extended_B", 0x0180, 0x024F),
    Script("train", "IPA_Extensions", 0x0250, 0x02AF),
    Script("train", "Spacing_Modifiers", 0x02B0, 0x02FF),
    Script("train", "Cyrillic_Supplement", 0x0500, 0x052F),
    Script("train", "Cyrillic_Extended_B", 0xA640, 0xA69F),
    Script("train", "Arabic", 0x0600, 0x06FF),
    Script("train", "Arabic_Presentation_A", 0xFB50, 0xFDFF),
    Script("train", "Arabic_Presentation_B", 0xFE70, 0xFEFC),
    Script("train", "Canadian_Syllabics", 0x1400, 0x167F),
    Script("train", "Phonetic_Extensions", 0x1D00, 0x1DBF),
    Script("train", "Latin_Extended_Additional", 0x1E00, 0x1EFF),
    Script("train", "Greek_Extended", 0x1F00, 0x1FFF),
    Script("train", "General_Punctuation", 0x2010, 0x206F),
    Script("train", "Letterlike", 0x2100, 0x214F),
    Script("train", "Number_Forms", 0x2150, 0x218F),
    Script("train", "Mathematical_Operators", 0x2200, 0x22FF),
    Script("train", "Miscellaneous_Technical", 0x2300, 0x23FF),
    Script("train", "Box_Drawing", 0x2500, 0x257F),
    Script("train", "Block_Elements", 0x2580, 0x259F),
    Script("train", "Geometric_Shapes", 0x25A0, 0x25FF),
    Script("train", "Miscellaneous_Symbols", 0x2600, 0x26FF),
    Script("train", "Supplemental_Mathematics", 0x2980, 0x2AFF),
    Script("train", "Latin_Extended_C", 0x2C60, 0x2C7F),
    Script("train", "Tone_Letters", 0xA700, 0xA71F),
    Script("train", "Latin_Extended_D", 0xA720, 0xA7FF),
    Script("train", "Tai_Xuan_Jing", 0x1D300, 0x1D356),
    Script("train", "Mathematical_Alphabets", 0x1D400, 0x1D7FF),
    Script("train", "Arabic_Mathematics", 0x1EE00, 0x1EEFF),
    Script("train", "Playing_Cards", 0x1F0A0, 0x1F0FF),
)
