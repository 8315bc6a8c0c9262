# SPDX-License-Identifier: Apache-2.0
"""Check pages of HTML that clade wrote: python3 page.py FILE...

A page must be well-formed XML and HTML without a script or anything from
elsewhere, usable by keyboard and by readers that do not see, and have text of
enough contrast (WCAG 2.1, AA).  Print what is wrong, a line each.
"""
import html.parser
import re
import sys
import xml.etree.ElementTree as tree

VOID = {'br', 'img', 'meta', 'path'}
LINKS = {'src', 'href', 'action', 'data', 'poster', 'srcset', 'xlink:href'}


class Strict(html.parser.HTMLParser):
    """Tags must nest as an HTML parser sees them, too."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag not in VOID:
            self.wrong.append(f'<{tag}/> does not end in HTML')

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f'</{tag}> ends nothing')


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4
             for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour, over, alpha):
    return '#' + ''.join(
        f'{round(alpha * c + (1 - alpha) * int(over[1 + 2 * i:3 + 2 * i], 16)):02x}'
        for i, c in enumerate(colour))


def check_colours(style, text):
    """Each colour on its background; each shade of a cell under its text."""
    themes = [dict(re.findall(r'--(\w+): (#\w{6});', block))
              for block in re.findall(r':root \{(.*?)\}', style, re.S)]
    shades = {(tuple(map(int, c[:3])), float(c[3])) for c in re.findall(
        r'rgba\((\d+),(\d+),(\d+),([\d.]+)\)', text)}
    if len(themes) < 2:
        yield 'there is no light and dark'
    for theme in themes:
        for name, colour in theme.items():
            if name != 'bg' and contrast(colour, theme['bg']) < 4.5:
                yield f'--{name} {colour} on {theme["bg"]} lacks contrast'
        for colour, alpha in shades:
            under = mixed(colour, theme['bg'], alpha)
            if contrast(theme['fg'], under) < 4.5:
                yield f'{theme["fg"]} on {under} lacks contrast'


def check_element(element, ids):
    tag, get = element.tag, element.attrib.get
    for name, value in element.attrib.items():
        if name.startswith('on'):
            yield f'<{tag} {name}>: a script'
        if name in LINKS and not value.startswith(('data:image/', '#')):
            yield f'<{tag} {name}="{value[:60]}">: from elsewhere'
        if 'url(' in value:
            yield f'<{tag} {name}>: from elsewhere'
        if name == 'aria-labelledby' or (name == 'href' and value[0] == '#'):
            for one in value.lstrip('#').split():
                if one not in ids:
                    yield f'<{tag}> refers to {one}, which is not there'
    if tag in ('script', 'link', 'iframe', 'object', 'embed', 'base'):
        yield f'<{tag}>'
    if tag == 'th' and get('scope') not in ('row', 'col'):
        yield '<th> without a scope'
    if tag == 'img' and not get('alt'):
        yield '<img> without a text'
    if tag == 'svg' and get('aria-hidden') != 'true' and (
            get('role') != 'img' or element.find('title') is None
            or not element.findtext('desc')):
        yield '<svg> without a title and a description'
    if get('class') == 'scroll' and get('tabindex') != '0':
        yield 'what scrolls cannot be reached by the keyboard'


def check(text):
    strict = Strict()
    strict.feed(text)
    strict.close()
    yield from strict.wrong
    page = tree.fromstring(text)
    style = ''.join(element.text or '' for element in page.iter('style'))
    found = [e.attrib['id'] for e in page.iter() if 'id' in e.attrib]
    for one in set(found):
        if found.count(one) > 1:
            yield f'the id {one} is there twice'
    for element in page.iter():
        yield from check_element(element, set(found))
    if '@import' in style or 'url(' in style:
        yield 'the style is from elsewhere'
    if page.get('lang') is None or not page.findtext('head/title'):
        yield 'no language or no title'
    yield from check_colours(style, text)


def main():
    bad = 0
    for path in sys.argv[1:]:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        try:
            problems = list(check(text))
        except tree.ParseError as error:
            problems = [str(error)]
        for problem in problems:
            print(f'{path}: {problem}')
        bad += len(problems)
    return bool(bad)


sys.exit(main())
