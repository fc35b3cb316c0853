"""Plots of fitted models that only some classes have."""

import numpy as np


def axes(ax):
    """The given axes, or new ones."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots()
    return ax


class PathPlot:
    """A plot of coefficients along a path of penalty levels."""

    #: Coefficients that have a colour and a name; the others are grey.
    _NAMED = 8

    def plot_path(self, *, ax=None):
        """Draws every coefficient against the level of the penalty, the eight greatest with their names.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        self._check_is_fitted()
        ax = axes(ax)
        names = getattr(self, "feature_names_", None) or [f"x{j}" for j in range(self.coef_path_.shape[1])]
        order = np.argsort(-np.abs(self.coef_path_).max(axis=0), kind="stable")
        for rank, j in enumerate(order):
            if rank < self._NAMED:
                ax.plot(self.lambdas_, self.coef_path_[:, j], label=str(names[j]), zorder=2)
            elif self.coef_path_[:, j].any():
                ax.plot(self.lambdas_, self.coef_path_[:, j], color="0.8", linewidth=0.8, zorder=1)
        ax.set_xscale("log")
        ax.invert_xaxis()
        ax.set_xlabel("level of the penalty")
        ax.set_ylabel("coefficient")
        # Curves fill the axes: names stand beside them.
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        return ax


class CvPlot:
    """A plot of the loss of a cross-validation."""

    def plot_cv(self, *, ax=None):
        """Draws the held-out loss with its standard error against the level of the penalty, and the levels to choose from.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; new ones where None.

        Returns
        -------
        ax : matplotlib.axes.Axes
        """
        self._check_is_fitted()
        ax = axes(ax)
        ax.errorbar(self.lambdas_, self.cv_loss_, yerr=self.cv_loss_se_, fmt="o", markersize=3, elinewidth=0.8)
        ax.axvline(self.lam_min_, color="0.4", linestyle="--", label="least loss")
        ax.axvline(self.lam_1se_, color="0.4", linestyle=":", label="one standard error")
        ax.set_xscale("log")
        ax.invert_xaxis()
        ax.set_xlabel("level of the penalty")
        ax.set_ylabel("held-out loss")
        ax.legend()
        return ax
