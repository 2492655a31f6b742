import pytest

from lumaflux.color.primaries import P3_D65
from lumaflux.media.metadata.mastering import DisplayCodes, MasteringDisplay, container_display, unpack_display


def test_codes_of_a_p3_display_as_handbooks_print_them():
    display = MasteringDisplay(primaries=P3_D65, max_nits=1000, min_nits=0.0001)
    want = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    assert DisplayCodes(display).x265() == want


@pytest.mark.parametrize("order", ["gbr", "rgb"])
def test_packed_form_round_trips(order):
    payload = DisplayCodes(container_display(4000)).pack(order)
    assert len(payload) == 24
    display = unpack_display(payload, order)
    assert (display.max_nits, display.min_nits) == (4000, 0.0001)
    assert display.primaries.red == pytest.approx((0.708, 0.292), abs=1e-5)
    assert display.primaries.blue == pytest.approx((0.131, 0.046), abs=1e-5)


def test_the_two_orders_differ_in_their_first_primary():
    codes = DisplayCodes(container_display(1000))
    assert codes.pack("gbr")[:4] == codes.pack("rgb")[4:8]
