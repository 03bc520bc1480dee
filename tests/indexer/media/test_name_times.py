# ruff: noqa: DTZ001, RUF001 - times in names are local; names are of many languages
import unicodedata
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.media.name_times import time_in_name

TIMES = {
    "IMG_20240131_142530.jpg": "2024-01-31 14:25:30",
    "IMG20240131142530.jpg": "2024-01-31 14:25:30",
    "20240131142530.jpg": "2024-01-31 14:25:30",
    "IMG_20240131_142530_123.jpg": "2024-01-31 14:25:30.123",
    "IMG_20240131_142530123_BURST001.jpg": "2024-01-31 14:25:30.123",
    "20240131_142530_025.jpg": "2024-01-31 14:25:30",
    "20240131_142530(0).jpg": "2024-01-31 14:25:30",
    "DSC_0001_BURST20240131142530977.JPG": "2024-01-31 14:25:30.977",
    "00000IMG_00000_BURST20240131142530977_COVER.jpg": "2024-01-31 14:25:30.977",
    "DJI_20240131142530_0094_D.JPG": "2024-01-31 14:25:30",
    "WP_20140704_10_11_12_Pro.jpg": "2014-07-04 10:11:12",
    "C360_2014-07-04-10-11-12-345.jpg": "2014-07-04 10:11:12.345",
    "Screenshot_2014-07-04-10-11-12-345_com.app.png": "2014-07-04 10:11:12.345",
    "Screenshot_20140704-101112_Chrome.png": "2014-07-04 10:11:12",
    "signal-2018-08-21-100217.jpg": "2018-08-21 10:02:17",
    "photo_2024-01-31_14-25-30.jpg": "2024-01-31 14:25:30",
    "2014-08-25_17.15.33.jpg": "2014-08-25 17:15:33",
    "2014-07-04 10.11.12-1.jpg": "2014-07-04 10:11:12",
    "2024-01-31T14:25:30.jpg": "2024-01-31 14:25:30",
    "KakaoTalk_Photo_2019-07-04-10-11-12 001.jpeg": "2019-07-04 10:11:12",
    "KakaoTalk_20190704_101112345.jpg": "2019-07-04 10:11:12.345",
    "WhatsApp Image 2023-05-05 at 3.41.14 PM (1).jpeg": "2023-05-05 15:41:14",
    "WhatsApp Image 2023-05-05 at 12.41.14 AM.jpeg": "2023-05-05 00:41:14",
    "WhatsApp Bild 2023-05-05 um 15.41.14.jpeg": "2023-05-05 15:41:14",
    "Imagen de WhatsApp 2023-05-05 a las 15.41.14_6aa3.jpg": "2023-05-05 15:41:14",
    "Screenshot 2022-02-23 at 2.59.39\u202fPM.png": "2022-02-23 14:59:39",
    "Screenshot from 2024-01-31 14-25-30.png": "2024-01-31 14:25:30",
    "VirtualBox_2024-01-31 142530.png": "2024-01-31 14:25:30",
    "Capture d’écran 2023-05-06 à 10.11.12.png": "2023-05-06 10:11:12",
    "Bildschirmfoto 2023-05-06 um 10.11.12.png": "2023-05-06 10:11:12",
    "Captura de pantalla 2023-05-06 a las 10.11.12 p. m..png": "2023-05-06 22:11:12",
    "Captura de Tela 2023-05-06 às 10.11.12.png": "2023-05-06 10:11:12",
    "Schermata 2023-05-06 alle 10.11.12.png": "2023-05-06 10:11:12",
    "Schermata 2023-05-06 alle ore 10.11.12.png": "2023-05-06 10:11:12",
    "Schermafbeelding 2023-05-06 om 10.11.12.png": "2023-05-06 10:11:12",
    "Skärmavbild 2023-05-06 kl. 10.11.12.png": "2023-05-06 10:11:12",
    "Näyttökuva 2023-05-06 kello 10.11.12.png": "2023-05-06 10:11:12",
    "Zrzut ekranu 2023-05-06 o 10.11.12.png": "2023-05-06 10:11:12",
    "Снимок экрана 2023-05-06 в 10.11.12.png": "2023-05-06 10:11:12",
    "截屏2023-05-06 上午10.11.12.png": "2023-05-06 10:11:12",
    "螢幕快照 2019-11-05 下午9.08.07.png": "2019-11-05 21:08:07",
    "スクリーンショット 2023-05-06 10.11.12.png": "2023-05-06 10:11:12",
    "写真 2023年5月6日 10時11分12秒.jpg": "2023-05-06 10:11:12",
    "스크린샷 2023-05-06 오후 1.11.12.png": "2023-05-06 13:11:12",
    "Ekran Resmi 2023-05-06 10.11.12.png": "2023-05-06 10:11:12",
    "IMG_20190704_101112 (conflicted copy 2021-06-16 143218).jpg": "2019-07-04 10:11:12",
    "img20190704_10111213.jpg": "2019-07-04 10:11:12",
    "Scan 2019-07-04 10-11-12.jpg": "2019-07-04 10:11:12",
    "Screenshot 2023-05-06 101112.png": "2023-05-06 10:11:12",
    "Kopie von IMG_20190704_101112.jpg": "2019-07-04 10:11:12",
}
DAYS = {
    "IMG-20190704-WA0012.jpg": "2019-07-04",
    "IMG-20190330-WA0002(1).jpg": "2019-03-30",
    "VID-20190704-WA0001.mp4": "2019-07-04",
    "WP_20140704_001.jpg": "2014-07-04",
    "scan_1998-07-14.jpg": "1998-07-14",
    "Scan_20190704 (2).png": "2019-07-04",
    "2019-07-04_001.jpg": "2019-07-04",
    "2019.07.04 Oma.jpg": "2019-07-04",
    "IMG-20190704-WA0012 (Bob's conflicted copy 2021-06-16).jpg": "2019-07-04",
}
NONE = [
    "DSC01234.JPG",
    "wallpaper 1920x1080.jpg",
    "2048_1536.jpg",
    "IMG_0001.jpg",
    "telegram-cloud-photo-size-2-5199.jpg",
    "mmexport1512345678901.jpg",
    "FB_IMG_1512345678901.jpg",
    "20120315084512345_o.jpg",
    "20120315_1020304050607_1234567_n.jpg",
    "IMG_20240231_142530.jpg",
    "IMG_20240131_256161.jpg",
    "31-01-2024 14.25.30.jpg",
    "04-07-2019-10-11-12.jpg",
    "Urlaub (conflicted copy 2021-06-16 143218).jpg",
    "Urlaub (Konfliktkopie von Ann 2021-06-16).jpg",
    "plage (copie en conflit de Bob 2021-06-16).jpg",
    "playa (Copia en conflicto de Bob 2021-06-16 143218).jpg",
    "beach.sync-conflict-20240131-142530-ABCDEFG.jpg",
    "beach_conflict-20210616-143218.jpg",
    "beach (SFConflict bob@example.org 2021-06-16-14-32-18).jpg",
    "海滩 (冲突的副本 2021-06-16 143218).jpg",
    "beach~20240131-142530.jpg",
    "beach - Copy 2021-06-16.jpg",
    "beach-backup-20210616-143218.jpg",
]


@pytest.mark.parametrize(("name", "told"), TIMES.items())
def test_a_full_time_in_a_name_is_read(name, told):
    for form in ("NFC", "NFD"):
        found = time_in_name(unicodedata.normalize(form, name))
        assert found is not None
        assert (found.local, found.offset_min) == (datetime.fromisoformat(told), None)


@pytest.mark.parametrize(("name", "told"), DAYS.items())
def test_a_day_alone_is_a_day(name, told):
    found = time_in_name(name)
    assert found is not None
    assert (found.day, found.local) == (date.fromisoformat(told), None)


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_time_of_the_photo_is_none(name):
    assert time_in_name(name) is None


@pytest.mark.parametrize(
    ("name", "told", "offset"),
    [
        ("PXL_20240131_142530123.jpg", datetime(2024, 1, 31, 14, 25, 30, 123000), 0),
        ("PXL_20240131_142530123.RAW-01.COVER.jpg", datetime(2024, 1, 31, 14, 25, 30, 123000), 0),
        ("2024-01-31T14-25-30Z.jpg", datetime(2024, 1, 31, 14, 25, 30), 0),
        ("2024-01-31T14:25:30+0530.jpg", datetime(2024, 1, 31, 14, 25, 30), 330),
    ],
)
def test_a_name_that_tells_its_zone_is_known_in_utc(name, told, offset):
    found = time_in_name(name)
    assert (found.local, found.offset_min) == (told, offset)


@given(st.text(st.sampled_from("0123456789-_. :()年月日TZPMIGconflict"), max_size=40))
def test_any_name_has_a_time_or_none(name):
    found = time_in_name(name)
    assert found is None or found.local is None or found.local.date() == found.day
