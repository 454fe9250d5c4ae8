"""Growth charts: the points CDC prints, at ages between the rows of our table and at the rows themselves."""

import numpy as np
import pytest
from scipy.stats import norm

from twinsim.population import growth

# sex, months, measure, 5, 50 and 95 % points: CDC growth charts 2000, tables lenageinf, statage, wtageinf, wtage
PRINTED = [
    (0, 5.5, "height", 62.18260807, 66.1253149, 70.75128299),
    (0, 5.5, "weight", 6.272175299, 7.630425182, 9.255614546),
    (0, 9.5, "height", 68.05674555, 72.34586111, 77.2709525),
    (0, 9.5, "weight", 7.90075516, 9.476500305, 11.42867623),
    (0, 42.5, "height", 92.4999858, 99.00254338, 105.8060983),
    (0, 42.5, "weight", 12.83710098, 15.31940246, 18.8267549),
    (0, 90.5, "height", 116.0629074, 125.1259182, 134.4762655),
    (0, 90.5, "weight", 19.68726895, 24.42648043, 33.01871449),
    (0, 138.5, "height", 134.7252055, 146.3665278, 158.5562242),
    (0, 138.5, "weight", 28.95376036, 38.2977703, 55.90470472),
    (0, 162.5, "height", 147.0498421, 160.3493168, 173.3965112),
    (0, 162.5, "weight", 36.28901539, 48.51113138, 69.43716965),
    (0, 186.5, "height", 158.9797544, 172.1562865, 184.1996965),
    (0, 186.5, "weight", 45.23337973, 58.90293208, 81.66018503),
    (0, 222.5, "height", 164.5685992, 176.4351874, 188.0690108),
    (0, 222.5, "weight", 54.09277512, 68.30004741, 93.17940638),
    (1, 5.5, "height", 60.16323075, 64.40632762, 68.57451607),
    (1, 5.5, "weight", 5.693974176, 6.967850457, 8.380329759),
    (1, 42.5, "height", 90.95114701, 97.6484807, 104.6443859),
    (1, 42.5, "weight", 12.34871076, 14.88121352, 18.83041754),
    (1, 90.5, "height", 115.9026074, 124.8956114, 134.7038082),
    (1, 90.5, "weight", 19.16378421, 24.25789074, 33.75001097),
    (1, 138.5, "height", 135.6003795, 147.8423918, 160.0213216),
    (1, 138.5, "weight", 29.46021931, 39.61914076, 58.34376285),
    (1, 162.5, "height", 148.148675, 159.2074654, 170.207392),
    (1, 162.5, "weight", 36.29869877, 47.83661466, 70.15959636),
    (1, 186.5, "height", 151.6671193, 162.2908474, 172.9751838),
    (1, 186.5, "weight", 41.95327736, 53.13326946, 77.06875157),
    (1, 222.5, "height", 152.52892, 163.202203, 173.8289744),
    (1, 222.5, "weight", 45.69283549, 56.78026364, 81.38730069),
    # rows of our table
    (0, 0.5, "height", 48.55809206, 52.6959753, 56.99907737),
    (0, 24, "height", 80.72977321, 86.45220101, 92.19687928),
    (0, 24, "weight", 10.64009004, 12.6707633, 15.18777349),
    (1, 240, "height", 152.6507234, 163.338251, 173.9506901),
    (1, 240, "weight", 46.28963394, 58.21897289, 82.95375457),
]


@pytest.mark.parametrize(("sex", "months", "name", "low", "middle", "high"), PRINTED)
def test_printed_points(sex, months, name, low, middle, high):
    """Between rows straight lines are off by at most 0.6 %; at rows nothing is."""
    z = norm.ppf([0.05, 0.50, 0.95])
    got = growth.measure(name, np.full(3, float(sex)), np.full(3, months / 12.0), z)
    is_row = months in (0.5, 24, 240)
    np.testing.assert_allclose(got, [low, middle, high], rtol=1e-7 if is_row else 6e-3)


def test_quantiles_rise_and_are_people():
    z = np.linspace(-6.0, 6.0, 601)
    for sex in (0.0, 1.0):
        for age in (0.0, 0.1, 0.5, 1.0, 2.0, 3.5, 7.0, 10.0, 13.0, 15.0, 17.0, 19.0, 20.0):
            for name, least in (("height", 35.0), ("weight", 0.8)):
                got = np.asarray(growth.measure(name, np.full(z.size, sex), np.full(z.size, age), z))
                inside = np.abs(z) <= 4.0
                assert (np.diff(got[inside]) > 0).all()
                assert least < got.min() and got.max() < 210.0
                assert np.ptp(got[z > 4.0]) == 0.0


def test_tails_begin_where_the_chart_ends():
    """Values join at 2 SD, and go on as straight lines there."""
    one = np.ones(1)
    for z in (-2.0, 2.0):
        inner, edge, outer = (
            float(growth.measure("weight", 0.0 * one, 10.0 * one, one * (z * share))[0]) for share in (0.5, 1.0, 1.5)
        )
        assert outer - edge == pytest.approx(edge - inner, rel=1e-12)


def test_body_mass_index_spreads_as_cdc_says():
    """BMI-for-age, CDC growth charts 2000: 5 and 95 % points at 4, 10 and 16 years."""
    random = np.random.default_rng(1)
    printed = {(0, 48.5): (14.033, 17.836), (1, 120.5): (14.035, 22.983), (0, 192.5): (17.132, 27.564)}
    for (sex, months), points in printed.items():
        s, age = np.full(200_000, float(sex)), np.full(200_000, months / 12.0)
        first, second = random.standard_normal((2, 200_000))
        rho = np.asarray(growth.correlation(s, age))
        height = np.asarray(growth.measure("height", s, age, first))
        weight = np.asarray(growth.measure("weight", s, age, rho * first + np.sqrt(1 - rho**2) * second))
        got = np.percentile(weight / (height / 100) ** 2, [5, 95])
        # CDC's charts of weight, height and BMI are three fits: their medians differ by up to 4 %.
        np.testing.assert_allclose(got, points, rtol=0.045)
        assert np.log(got[1] / got[0]) == pytest.approx(np.log(points[1] / points[0]), rel=0.05)
