"""Embedded Runge-Kutta methods as data.

The last stage of each is the derivative at the new state, and so the next step's first. Verner's pair is published
without it: here it has one stage more, which costs nothing, since every next step would have to begin with it.
"""

from typing import NamedTuple


class Tableau(NamedTuple):
    """Butcher tableau of an explicit method; the embedded solution is of one order less.

    Attributes:
        c: stage times (stage).
        a: rows of stage weights; the last row is the solution of order `order`.
        error: weights of the difference to the embedded solution (stage).
        order: of the solution that is carried on.
        bend: weights d of the fourth-order interpolation  Hermite's cubic + q^2 (1 - q)^2 h sum_i d_i k_i  (stage);
            empty where the method has none without further stages: the cubic alone, of order 3.
    """

    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    error: tuple[float, ...]
    order: int
    bend: tuple[float, ...] = ()


# Bogacki and Shampine 1989, Applied Mathematics Letters 2:321.
BOGACKI_SHAMPINE3 = Tableau(
    c=(0.0, 1 / 2, 3 / 4, 1.0),
    a=((), (1 / 2,), (0.0, 3 / 4), (2 / 9, 1 / 3, 4 / 9)),
    error=(2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8),
    order=3,
)

# Dormand and Prince 1980, Journal of Computational and Applied Mathematics 6:19, RK5(4)7M, table 2; interpolation of
# Shampine 1986, Mathematics of Computation 46:135, as in Hairer, Norsett and Wanner, Solving Ordinary Differential
# Equations I, 2nd ed. 1993, code DOPRI5 (function CONTD5, constants D1 to D7).
DORMAND_PRINCE5 = Tableau(
    c=(0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0),
    a=(
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
    error=(71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40),
    order=5,
    bend=(
        *(-12715105075 / 11282082432, 0.0, 87487479700 / 32700410799, -10690763975 / 1880347072),
        *(701980252875 / 199316789632, -1453857185 / 822651844, 69997945 / 29380423),
    ),
)

# Tsitouras 2011, Computers & Mathematics with Applications 62:770, table 1; of the interpolation given below it, with
# the derivatives of the solution at both ends, the factors of q^4.
TSIT5 = Tableau(
    c=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0),
    a=(
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774),
    ),
    error=(
        0.00178001105222577714,
        0.0008164344596567469,
        -0.007880878010261995,
        0.1447110071732629,
        -0.5823571654525552,
        0.45808210592918697,
        -0.015151515151515152,
    ),
    order=5,
    bend=(
        *(-1.0530884977290216, 0.1017, 2.490627285651252793, -16.54810288924490272, 47.37952196281928122),
        *(-34.87065786149660974, 2.5),
    ),
)

# Verner 2010, Numerical Algorithms 53:383, the "efficient" pair 7(6), RKV76.IIa of https://www.sfu.ca/~jverner (2008).
VERNER7 = Tableau(
    c=(0.0, 0.005, 49 / 450, 49 / 300, 911 / 2000, 0.6095094489978381317, 0.884, 0.925, 1.0, 1.0, 1.0),
    a=(
        (),
        (0.005,),
        (-1.076790123456790123, 1.185679012345679012),
        (0.04083333333333333333, 0.0, 0.1225),
        (0.6389139236255726781, 0.0, -2.455672638223656810, 2.272258714598084132),
        (-2.661577375018757131, 0.0, 10.80451388645613770, -8.353914657396199412, 0.8204875949566569791),
        (
            *(6.067741434696770993, 0.0, -24.71127363591108580, 20.42751793078889394, -1.906157978816647151),
            1.006172249242068015,
        ),
        (
            *(12.05467007625320300, 0.0, -49.75478495046898933, 41.14288863860467663, -4.461760149974004186),
            *(2.042334822239174960, -0.09834843665406107380),
        ),
        (
            *(10.13814652288180788, 0.0, -42.64113603171750215, 35.76384003992257007, -4.348022840392907653),
            *(2.009862268377035895, 0.3487490460338272406, -0.2714390051048312842),
        ),
        (
            *(-45.03007203429867712, 0.0, 187.3272437654588841, -154.0288236935018691, 18.56465306347536234),
            *(-7.141809679295078855, 1.308808578161378625, 0.0, 0.0),
        ),
        (
            *(0.04715561848627222170, 0.0, 0.0, 0.2575056429843415190, 0.2621665397741262048),
            *(0.1521609265673855740, 0.4939969170032484247, -0.2943031171403250442, 0.08131747232495109999, 0.0),
        ),
    ),
    error=(
        *(0.04715561848627222170 - 0.04460860660634117629, 0.0, 0.0, 0.2575056429843415190 - 0.2671640378571372681),
        *(0.2621665397741262048 - 0.2201018300177293020, 0.1521609265673855740 - 0.2188431703143156831),
        *(0.4939969170032484247 - 0.2289871705411202883, -0.2943031171403250442, 0.08131747232495109999),
        *(-0.02029518466335628222, 0.0),
    ),
    order=7,
)
