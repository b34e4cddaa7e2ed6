"""Everything that changes a cardholder; each change is recorded for terminals in the same transaction."""

from ecard.cardholders.operations.groups import make_price_class as make_price_class
from ecard.cardholders.operations.groups import save_group as save_group
from ecard.cardholders.operations.lists import add_members as add_members
from ecard.cardholders.operations.lists import remove_members as remove_members
from ecard.cardholders.operations.lists import save_list as save_list
from ecard.cardholders.operations.people import change_cardholders as change_cardholders
from ecard.cardholders.operations.people import close_cardholder as close_cardholder
from ecard.cardholders.operations.people import link_user as link_user
from ecard.cardholders.operations.people import move_group as move_group
from ecard.cardholders.operations.people import open_cardholder as open_cardholder
from ecard.cardholders.operations.people import open_cardholders as open_cardholders
from ecard.cardholders.operations.people import rename as rename
from ecard.cardholders.operations.people import set_attributes as set_attributes
from ecard.cardholders.operations.people import set_avoided as set_avoided
from ecard.cardholders.operations.people import update_cardholder as update_cardholder
from ecard.cardholders.operations.people import withdraw_cardholders as withdraw_cardholders
from ecard.cardholders.operations.stops import lift_stop as lift_stop
from ecard.cardholders.operations.stops import stop_account as stop_account
from ecard.cardholders.operations.stops import stop_codes as stop_codes
