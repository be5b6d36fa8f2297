import unittest


class Slow(unittest.TestCase):
    def test(self):
        self.assertEqual(sum(i * i for i in range(300000)) % 10, 0)
