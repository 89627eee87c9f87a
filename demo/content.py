"""What the demo inboxes hold: a physiotherapy practice's, and the café's next door."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seed:
    """One conversation; its messages are (hours ago, who, text), its columns what is not usual."""

    uid: str
    client: str  # first and last name
    messages: list[tuple[float, str, str]] = field(default_factory=list)
    title: str = ""  # the client's name, if left out
    staff: str = "owner"
    columns: dict[str, Any] = field(default_factory=dict)


CONVERSATIONS = [
    Seed(
        "89m2pnabgozdvd9f",
        "Jane Smith",
        [
            (76, "client", "Hi, a friend gave me your name. Do you treat runner's knee?"),
            (75.5, "owner", "Hello Jane! We do, every week. Does it hurt on stairs, too?"),
            (74, "client", "Mostly going down. I have a half marathon in nine weeks."),
            (73, "owner", "That is time enough. An initial consultation takes 50 minutes."),
            (50, "client", "Great. What does it cost, and is there anything before work?"),
            (27, "owner", "₪380, and yes: tomorrow or Thursday at 7:30. Which suits you?"),
            (2.2, "client", "Sounds good, see you then."),
        ],
        columns={
            "business_unread": True,
            "source": "https://almog-physio.example/contact",
            "source_type": "contact_form",
            "source_data": {"page": "Contact", "form": "Ask us anything"},
        },
    ),
    Seed(
        "followup00000001",
        "Omer Mizrahi",
        [
            (30, "client", "Can you send me a quote for ten sessions? My insurer wants one."),
            (29, "owner", "Of course. With the ten-session card it comes to ₪2,900."),
            (26, "client", "Thanks, I'll ask them and get back to you."),
        ],
        title="Quote for ten sessions",
        columns={"source_type": "contact_form"},
    ),
    Seed(
        "followup00000002",
        "Yael Friedman",
        [
            (52, "client", "My mother (78) fell last month. Do you make home visits?"),
            (49, "colleague", "We do, on Sundays and Tuesdays. Where does she live?"),
            (48, "client", "In Rehavia, second floor, there is a lift."),
        ],
        title="Home visits",
        staff="colleague",
        columns={"source_type": "profile_page"},
    ),
    Seed(
        "assigned00000001",
        "Daniel Cohen",
        [
            (21, "client", "Can I swap Wednesday 17:00 for something later?"),
            (20, "assigned", "18:15 is free. Shall I move you?"),
            (19.6, "client", "Perfect, please do."),
        ],
        title="Moving Wednesday's appointment",
        staff="assigned",
        columns={"mobile": True},
    ),
    Seed(
        "shared0000000001",
        "Maya Azoulay",
        [
            (33, "client", "The exercises for my shoulder: how many repetitions again?"),
            (31, "owner", "Three sets of twelve, slowly. Tom, please send Maya the video."),
            (28, "assigned", "Here it is: https://almog-physio.example/videos/shoulder-3"),
        ],
        title="Shoulder exercises",
    ),
    Seed(
        "matter0000000001",
        "Lior Ben-David",
        [
            (120, "client", "The surgeon sent me to you after an ACL reconstruction."),
            (118, "owner", "Welcome, Lior. Please bring the operation report on Monday."),
            (96, "client", "Report attached. It is in Hebrew, I hope that's fine."),
            (95, "owner", "אין בעיה, תודה! נתראה ביום שני."),
        ],
        title="Rehabilitation after surgery",
        columns={"matter_uid": "mt7k2c9xq4wz1h5r", "matter_title": "ACL rehabilitation 2026"},
    ),
    Seed(
        "archived00000001",
        "Ruth Goldberg",
        [
            (700, "client", "Thank you for everything, I can dance again!"),
            (699, "owner", "That is the best message of the month. All the best, Ruth!"),
        ],
        title="Thank you",
        columns={"archived": True},
    ),
    Seed(
        "spam000000000001",
        "SEO Experts",
        [(60, "client", "Rank #1 on every search engine within 7 days!!! Reply YES.")],
        title="Your website",
        columns={"spam": True},
    ),
    Seed(
        "trash00000000001",
        "Noam Shapira",
        [
            (400, "client", "Hello, is this the pizza place?"),
            (399.5, "colleague", "No, but we can help if you slip on one."),
        ],
        title="Wrong number",
        columns={"deleted": True},
    ),
    Seed("merged0000000001", "Jane Smith", title="Jane Smith (by phone)"),
    Seed("merged0000000002", "Jane Smith", title="Jane S."),
    Seed("cycle00000000001", "Gil Peled", title="Gil Peled (1)"),
    Seed("cycle00000000002", "Gil Peled", title="Gil Peled (2)"),
    Seed(
        "q3v8d1m6x0t5k2pa",
        "Aviv Katz",
        [(0.3, "client", "I'm running ten minutes late, sorry! Parking is impossible today.")],
        title="Today, 15:00",
        columns={"business_unread": True, "mobile": True},
    ),
    Seed(
        "z7n4c2w9h1r6y8eb",
        "Shira Avraham",
        [
            (1.1, "client", "היי, אפשר לקבוע טיפול לשבוע הבא? עדיף בבוקר."),
            (0.8, "colleague", "היי שירה, יום שלישי ב-9:00 פנוי. מתאים?"),
        ],
        staff="colleague",
    ),
    Seed(
        "k5b1t8f3u7j2o9vc",
        "Thomas Müller",
        [
            (
                5,
                "client",
                "Guten Tag! My back hurts since the flight. We are here for two weeks.",
            ),
            (4.4, "owner", "Hello Thomas, welcome! We have 16:45 today."),
            (4.2, "client", "Wonderful, we take it. 🙏"),
            (4.1, "owner", "Booked. The entrance is from the garden, third bell."),
        ],
        title="Back pain since the flight",
        columns={"source_type": "profile_page", "mobile": True},
    ),
    Seed(
        "r2g6l9p4s8d0i3qd",
        "Hila Barak",
        [
            (8, "owner", "Hi Hila, your receipt for October is attached."),
            (
                7.5,
                "client",
                "Got it. Could you put my ID number on it? My insurer wants it.",
            ),
        ],
        title="Receipt for October",
        columns={"business_unread": True},
    ),
    Seed(
        "e9x3a7m1v5c8w2tf",
        "Itai Rosen",
        [
            (14, "client", "Does Pilates help with a slipped disc, or make it worse?"),
            (
                12,
                "colleague",
                "It depends on the disc. Let us have a look before you join.",
            ),
        ],
        title="Pilates with a slipped disc",
        staff="colleague",
        columns={"source_type": "contact_form", "campaign": "autumn-pilates"},
    ),
    Seed(
        "h8u2n6k0z4q9b5lg",
        "Tamar Levy",
        [
            (23, "owner", "Dear Tamar, places in the Tuesday Pilates group open next week."),
            (22.5, "client", "Count me in!"),
            (22, "owner", "You are on the list."),
        ],
        title="Tuesday Pilates",
        columns={"source_type": "email_campaign", "campaign": "autumn-pilates"},
    ),
    Seed(
        "w1o5y9g3f7x2r6jh",
        "Eitan Shalev",
        [
            (36, "client", "I paid for two sessions but only came to one. What about the other?"),
            (34, "owner", "It stays on your card for a year, no need to hurry."),
        ],
        title="Unused session",
    ),
    Seed(
        "p4s8v2b6e0m3d7nk",
        "Michal Harel",
        [
            (45, "client", "Is the clinic accessible with a wheelchair?"),
            (44, "colleague", "Yes: a ramp at the garden entrance, and an accessible toilet."),
            (43.5, "client", "Thank you, that is good to know."),
        ],
        title="Access",
        columns={"source_type": "profile_page"},
    ),
    Seed(
        "c7t1i5l9a3u8h2wm",
        "Nadav Dayan",
        [(55, "client", "Invoice 1042 shows VAT twice, please check.")],
        title="Invoice 1042",
        columns={"business_unread": True},
    ),
    Seed(
        "j0z4q8k2o6n1y5sp",
        "Sarah Johnson",
        [
            (70, "client", "Do you take walk-ins?"),
            (69, "assigned", "Only if somebody cancels. I can put you on the list for today."),
            (68.8, "client", "Please do!"),
            (66, "assigned", "Good news: 14:30 just became free."),
        ],
        title="Walk-in",
        staff="assigned",
        columns={"mobile": True},
    ),
    Seed(
        "f3d7g1x5t9v4c8br",
        "Amir Haddad",
        [
            (90, "client", "Which pillow do you recommend for the neck?"),
            (88, "owner", "A flat one, about 8 cm when you lie on it. No brand is magic."),
        ],
        title="A pillow for the neck",
    ),
    Seed(
        "m6e0h4p8w2s7k1zu",
        "Dalia Stern",
        [
            (101, "owner", "Dear Dalia, it has been six months: time for a check-up?"),
            (99, "client", "Not now, but please ask me again after the holidays."),
        ],
        title="Six-month check-up",
        columns={"source_type": "email_campaign", "campaign": "check-up"},
    ),
    Seed(
        "y9u3r7j1l5b0f4ai",
        "Boaz Alon",
        [
            (140, "client", "My tennis elbow is back. Same exercises as in spring?"),
            (
                139,
                "colleague",
                "The same, with half the weight. See me in two weeks.",
            ),
        ],
        title="Tennis elbow",
        staff="colleague",
    ),
    Seed(
        "o2k6c0v4n8q3m7ex",
        "Inbar Golan",
        [
            (160, "client", "Do you have a gift voucher?"),
            (158, "owner", "We do, from one session up, by post or to print at home."),
            (157, "client", "To print, please. It's for my dad's seventieth birthday."),
        ],
        title="Gift voucher",
        columns={"source_type": "contact_form"},
    ),
    Seed(
        "g5w9b3t7z1i6d0hl",
        "Yonatan Sela",
        [(190, "client", "Please remove me from the newsletter.")],
        title="Newsletter",
    ),
    Seed(
        "s8f2a6x0e4u9p3jv",
        "Keren Vardi",
        [
            (240, "client", "Could you write a letter to my employer about a standing desk?"),
            (236, "owner", "Gladly. I need your employer's name and what you sit on now."),
            (235, "client", "It is a beanbag."),
        ],
        title="Letter to my employer",
    ),
    Seed(
        "l1n5d9y3h7g2w6oc",
        "Peter Novak",
        [
            (330, "client", "I left my glasses in the waiting room, I think."),
            (329, "assigned", "Found them! They are at the front desk."),
        ],
        title="Lost glasses",
        staff="assigned",
        columns={"archived": True},
    ),
    Seed("v4q8m2k6r0x5b9tz", "Galit Oren", title="Imported contact"),
]

NEIGHBOUR_CONVERSATIONS = [
    Seed(
        "neighbour0000001",
        "Avi Biton",
        [
            (3, "client", "Can I order a cheesecake for Friday, for twelve people?"),
            (2.5, "neighbour", "Certainly. With berries or without?"),
        ],
        title="Cheesecake for Friday",
        staff="neighbour",
    ),
]

MERGES = {
    "merged0000000001": "89m2pnabgozdvd9f",
    "merged0000000002": "merged0000000001",
    "cycle00000000001": "cycle00000000002",
    "cycle00000000002": "cycle00000000001",
}
