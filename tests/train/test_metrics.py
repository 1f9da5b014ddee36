import numpy as np

from minitorch_cv.tensor import Tensor
from minitorch_cv.train.metrics import Averages, count_correct

LOGITS = Tensor(np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [1.0, 2.0, 9.0], [4.0, 1.0, 1.0]]))


def test_counts_the_rows_whose_largest_logit_is_the_label():
    assert count_correct(LOGITS, Tensor(np.array([0, 1, 1, 2]))) == 2


def test_averages_weigh_batches_by_their_images():
    averages = Averages()
    averages.add(1.0, LOGITS, Tensor(np.array([0, 1, 2, 0])))
    averages.add(2.0, Tensor(LOGITS.numpy()[:1]), Tensor(np.array([2])))
    assert averages.images == 5
    assert averages.loss == (4 * 1.0 + 1 * 2.0) / 5
    assert averages.accuracy == 4 / 5


def test_of_probabilities_the_most_probable_class_counts():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4], [0.0, 0.2, 0.8], [0.1, 0.3, 0.6]], np.float32)
    assert count_correct(LOGITS, Tensor(probabilities)) == 2
    averages = Averages()
    averages.add(0.5, LOGITS, Tensor(probabilities))
    assert (averages.images, averages.accuracy) == (4, 0.5)
